"""The smallest change of tree ensembles, proved: no other change within the rules is smaller.

A search can only say that it found a change; that none is smaller is another statement. Here every
tree is taken apart and every column is cut into cells within which no tree can tell two values
apart. A row with all its possible changes is then a box of cells, and boxes are split and ruled
out (branch and bound) until the nearest change is left, or the effort is spent and a lower bound
stands beside what was found.

References: Kantchelian, Tygar and Joseph 2016 (the problem and its hardness); Chen et al. 2019
(bounds tree by tree); Devos, Meert and Davis 2021 (best first search over boxes).
"""

"""Letters of other scripts that look like Latin ones."""

# Latin letters and letters of other scripts that most typefaces draw the same.
LOOK_ALIKES = {
    "a": "а", "c": "с", "d": "ԁ", "e": "е", "g": "ɡ", "h": "һ", "i": "і", "j": "ј", "l": "ӏ",
    "m": "м", "n": "ո", "o": "о", "p": "р", "q": "ԛ", "s": "ѕ", "u": "ս", "v": "ѵ", "w": "ԝ",
    "x": "х", "y": "у",
    "A": "А", "B": "В", "C": "С", "E": "Е", "H": "Н", "I": "І", "K": "К", "M": "М", "O": "О",
    "P": "Р", "S": "Ѕ", "T": "Т", "X": "Х", "Y": "Ү",
}  # fmt: skip

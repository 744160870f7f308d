"""Results to one self-contained file.

html           write_report: the whole page from subject, entries and policy
sections       an entry judged against the policy, with its findings and charts
verdict_page   page one: verdict, coverage, worst findings, what was not tested
summary        two pages for those who decide
subject_page   what was examined
area_page      one risk: findings, charts, tables, method
settings_page  policy, parameters, seeds and versions
method         an analyzer's own account of its method
record         the same as JSON, to be read again by a program
tables         Arrow tables as HTML, capped and counted
words          verdicts and numbers in words
"""

"""The report: figures, the comparison page and the README's results, all from the tables under reports/tables.

Nothing here computes a statistic: a number in a text, a table or a figure is a number of a table.
"""

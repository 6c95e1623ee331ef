"""How dates and numbers are written and read (FORMAT_MODULE_PATH): day before month in either language.

Django's own formats would read 05/06/2026 as May in both, and leave long numbers ungrouped in Vietnamese.
"""

"""The forms of a report's file: the same numbers as PDF, workbook, CSV, JSON and Parquet."""

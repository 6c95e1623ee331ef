"""The SQL of 0003_guards, one module for each subject. Django reads no migrations from a package inside this folder."""

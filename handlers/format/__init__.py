"""How results look: Go templates for ``--format``, aligned tables, ages, sizes, typed views of JSON."""

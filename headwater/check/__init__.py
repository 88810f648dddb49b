"""The check before merge: what a changed plan or schema breaks. `schemas` and `plans` compare, `running` asks."""

"""`python -m lineage.cli`."""

from lineage.cli import main

main()

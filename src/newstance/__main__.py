"""``python -m newstance``: what ``accelerate launch -m newstance`` starts in every process."""

from newstance.cli import main

main()

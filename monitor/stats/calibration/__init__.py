"""From counts to calibrated evidence: how far a window is from the baseline, in units of what is usual.

Every module works on arrays whose last axis is the components (or columns) of one model, and is pure: no clock, no
chance, no state that is not a value. docs/explanation/false-alarms.md says what it promises and assumes.
"""

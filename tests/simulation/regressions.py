"""Scripts that once broke a law, by the name of what was wrong. They stay."""

REGRESSIONS = {
    "a backlog that comes after the clock has closed its windows as silent is judged": (
        "work(1, 1); work(2, 1); clock(1, 13); work(1, 1); work(2, 1); write late(1, 8); work(1, 1); judge(0, 1)"
    ),
    "what a worker had decoded when a baseline could not be read does not come with its next poll": (
        "stall(0, 1, decode); write nonsense(0, 3); work(0, 1); refuse(0, 1); write(2, 2); work(2, 1)"
    ),
}

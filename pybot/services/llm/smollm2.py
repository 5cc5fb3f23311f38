"""Prompts for SmolLM2-135M-Instruct, found by trying: a model so small copies what it is shown.

A change here is measured with `make smoke-model` before it stays.
"""

from pybot.services.llm.base import Turn

SYSTEM = "You are Pybot. Answer every task with Python code in a ```python block."

FEW_SHOT: tuple[Turn, ...] = (
    Turn("user", "Draw a bar chart of 3, 7 and 5."),
    Turn(
        "assistant",
        "Here is the code.\n\n```python\nplt.bar([1, 2, 3], [3, 7, 5])\nplt.show()\n```\n",
    ),
    Turn("user", "What is 12 times 4?"),
    Turn("assistant", "Here is the code.\n\n```python\nprint(12 * 4)\n```\n"),
)

EXAMPLES: tuple[str, ...] = (
    "Plot a sine wave",
    "Calculate the sum of the squares of the numbers from 1 to 10",
    "Make a table of the squares of the numbers from 1 to 5",
    "Count the words in the sentence 'the quick brown fox jumps'",
)

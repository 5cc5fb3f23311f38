"""Prompts for SmolLM2-135M-Instruct, found by trying: so small a model copies what it is shown.

Only the few-shot turn that stands last is copied well, and only for questions put in its words:
so a curve comes last. Measure a change here with `make smoke-model`.
"""

from pybot.services.llm.base import Turn

# What `pybot up` brings along.
DEMO_MODEL = "HuggingFaceTB/SmolLM2-135M-Instruct"
SYSTEM = "You are Pybot. You solve tasks by writing Python code."


def _code(source: str) -> Turn:
    return Turn("assistant", f"```python\n{source}\n```\n")


def _output(text: str) -> Turn:
    return Turn("user", f"Output:\n```\n{text}\n```")


FEW_SHOT: tuple[Turn, ...] = (
    Turn("user", "Calculate the factorial of 15"),
    _code("import math\n\nprint(math.factorial(15))"),
    _output("1307674368000"),
    Turn("assistant", "The result is 1307674368000."),
    Turn("user", "Make a table of three fruits and their prices"),
    _code("pd.DataFrame({'fruit': ['apple', 'pear', 'plum'], 'price': [2, 3, 4]})"),
    _output("   fruit  price\n0  apple      2\n1   pear      3\n2   plum      4"),
    Turn("assistant", "Here is the table."),
    Turn("user", "Plot an exponential curve"),
    _code(
        "x = np.linspace(0, 5, 200)\ny = np.exp(x)\nplt.plot(x, y)\n"
        "plt.title('Exponential curve')\nplt.show()"
    ),
    _output("[image/png shown to the user]"),
    Turn("assistant", "Here is the plot."),
)

# Each ends with the result asked for, in three of three runs; the web app shows the same four.
EXAMPLES: tuple[str, ...] = (
    "Plot a sine wave",
    "What is 2 to the power of 64?",
    "Sort the numbers 5, 3, 8 and 1",
    "Reverse the string 'hello'",
)

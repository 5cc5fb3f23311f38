"""The list of what is changed fits the code, and a sample's share is computed as it should be."""

from tests.mutants.areas import ROOT, Area, Areas, read
from tests.mutants.project import Mutant
from tests.mutants.sample import find, share

DIFF = """--- pybot/services/store/write.py
+++ pybot/services/store/write.py
@@ -1,3 +1,3 @@
 def even_when_full(self) -> Self:
-    self.when_full = True
+    self.when_full = False
"""
SURVIVOR = Mutant("pybot.services.store.write.xǁWriteǁeven_when_full__mutmut_2", 0, DIFF)
CHANGE = "write.Write.even_when_full: self.when_full = False"


def test_every_module_is_in_an_area_or_says_why_not() -> None:
    """A new folder has to be given its tests; what is listed is there."""
    areas = read()
    for module in areas.modules():
        areas.of(module)
    listed = [area.path for area in areas.whole + areas.sampled] + list(areas.outside)
    listed += [path for area in areas.whole + areas.sampled for path in area.tests]
    assert [path for path in listed if not (ROOT / path).exists()] == []


def test_modules_tests_are_those_of_the_innermost_area() -> None:
    """A module may have tests of its own, and a folder's name begins no other's."""
    areas = Areas([Area("a/b.py", ["x"])], [Area("a", ["y"]), Area("a/b", ["z"])], {})
    assert [areas.of(module).tests for module in ("a/b.py", "a/c.py", "a/b/c.py")] == [
        ["x"],
        ["y"],
        ["z"],
    ]


def test_survivor_is_counted_unless_it_is_listed() -> None:
    """Its function and its line are what a reason is given for."""
    mutants = [SURVIVOR, Mutant("pybot.a.x_b__mutmut_1", -24, "")]
    unlisted, listed = find(Area("a", []), mutants), find(Area("a", [], {CHANGE: "why"}), mutants)
    assert (unlisted.noticed, unlisted.counted, unlisted.survivors) == (1, 2, [SURVIVOR])
    assert (listed.noticed, listed.counted, listed.equal) == (1, 1, 1)


def test_function_without_tests_has_not_been_noticed() -> None:
    """What no test reaches counts against them."""
    assert not Mutant("pybot.a.x_b__mutmut_1", 33, "").noticed


def test_share_has_the_margin_of_its_sample() -> None:
    """The normal approximation of the binomial distribution, at 95 %."""
    part, margin = share(170, 200)
    assert (part, round(margin, 4)) == (0.85, 0.0495)

"""What an examination found, and how it is reported."""

import math
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Failure:
    """One wrong number: its place, the result, the true number, and what is wrong."""

    where: str
    got: str
    true: str
    problem: str
    size: float = 0.0

    def __str__(self) -> str:
        text = f"{self.where}: " if self.where else ""
        text += f"got {self.got}, true {self.true}; " if self.got else ""
        return text + self.problem


@dataclass
class Finding:
    """One line of a report: what was checked, on how many numbers, and what is wrong.

    Attributes
    ----------
    check : str
        What was checked, such as ``"gradients"``.
    setting : str
        The floating type, the parameter or the argument that it was checked with.
    cases : int
        How many numbers were compared with the truth.
    failures : list of Failure
        The wrong ones, starting with the one at the smallest input.
    worst : float
        The largest error in units of the permitted error, infinite if it is not a number.
    not_checked : str
        Why it was not checked, or empty.
    part_of : str
        The member of `CHECKS` that it belongs to.
    """

    check: str
    setting: str = ""
    cases: int = 0
    failures: list[Failure] = field(default_factory=list)
    worst: float = 0.0
    not_checked: str = ""
    part_of: str = ""

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.failures

    @property
    def name(self) -> str:
        """What was checked, and with what."""
        return f"{self.check}, {self.setting}" if self.setting else self.check


@dataclass(frozen=True)
class Report:
    """Everything that an examination found; ``str`` gives the text that `focalis check` prints.

    Attributes
    ----------
    function : str
        The name of the function that was examined.
    loss : str
        The text of the loss that it was compared with.
    framework : str
        The framework that it was called in.
    findings : list of Finding
        In the order in which they were checked.
    """

    function: str
    loss: str
    framework: str
    findings: list[Finding]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return all(finding.ok for finding in self.findings)

    def __str__(self) -> str:
        looked = [f for f in self.findings if not f.not_checked]
        rows = [("check", "", "cases", "wrong", "worst")]
        rows += [(f.part_of, f.name, str(f.cases), str(len(f.failures)), _shown(f)) for f in looked]
        widths = [max(len(row[i]) for row in rows) for i in range(5)]
        lines = [f"{self.function} ({self.framework}) as {self.loss}", ""]
        above = ""
        for part, name, *numbers in rows:
            cells = [("" if part == above else part).ljust(widths[0]), name.ljust(widths[1])]
            cells += [n.rjust(w) for n, w in zip(numbers, widths[2:], strict=True)]
            above = part
            lines.append("  ".join(cells).rstrip())
        lines += ["", "The worst error is in units of the permitted one."]
        skipped = [f for f in self.findings if f.not_checked]
        if skipped:
            lines += ["", "Not checked:"]
            for reason in dict.fromkeys(f.not_checked for f in skipped):
                names = dict.fromkeys(f.name for f in skipped if f.not_checked == reason)
                lines.append(f"  {'; '.join(names)}: {reason}")
        for finding in looked:
            if finding.failures:
                wrong = f"{len(finding.failures)} of {finding.cases} wrong"
                if finding.failures[0].where:
                    wrong += ", the smallest of those tried"
                lines += ["", f"WRONG {finding.name}: {wrong}"]
                lines += [f"  {finding.failures[0]}"]
        wrong_ones = [f for f in looked if not f.ok]
        parts = ", ".join(dict.fromkeys(f.part_of for f in wrong_ones))
        share = f"{len(wrong_ones)} of {len(looked)} lines failed"
        verdict = f"{self.function} is wrong: {share}, in {parts}."
        if self.ok:
            verdict = f"{self.function}: nothing wrong found on these inputs."
        return "\n".join([*lines, "", verdict])


def _shown(finding: Finding) -> str:
    if math.isinf(finding.worst):
        return "no number"
    return f"{finding.worst:.2g}" if finding.worst else "-"

"""The retention paths of all cases as one tree, shared beginnings joined."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from leakhunt.model.finding import Case


@dataclass(slots=True)
class RetentionNode:
    """A GC root or a step: how a person calls it, what it reaches, and the numbers of the cases that end here."""

    label: str
    objects: int = 0
    bytes: int = 0
    cases: list[int] = field(default_factory=list)
    children: list["RetentionNode"] = field(default_factory=list)


def retention_tree(cases: Sequence[Case]) -> list[RetentionNode]:
    """The roots, each with its steps; empty where no case has a retention path. Cases are numbered from 1."""
    roots: list[RetentionNode] = []
    for number, case in enumerate(cases, 1):
        if case.retention is None:
            continue
        root = case.retention.root
        node = _child(roots, f"{root.kind} {root.name}".strip())
        node.bytes = max(node.bytes, case.retention.retained_bytes)
        for step in case.retention.path:
            node = _child(node.children, f"{step.edge} {step.type}".strip())
            node.objects, node.bytes = max(node.objects, step.objects), max(node.bytes, step.bytes)
        node.cases.append(number)
    return roots


def _child(siblings: list[RetentionNode], label: str) -> RetentionNode:
    for node in siblings:
        if node.label == label:
            return node
    siblings.append(RetentionNode(label))
    return siblings[-1]

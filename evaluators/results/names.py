"""What things are called today: tasks and models that were renamed, and what a reader must know of each task."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:  # a process that reads files has no use for it
    import duckdb

__all__ = ["EXTERNAL", "NO_REVISION", "Names"]

# The revision under which the results repository files a model card's own figures.
EXTERNAL = "external"
# What mteb calls the folder of a model whose revision it was not told.
NO_REVISION = "no_revision_available"


class Names(NamedTuple):
    """Everything from the registry that reading a result file takes; plain dictionaries, to be sent to workers."""

    renamed_tasks: dict[str, str]
    renamed_models: dict[str, str]
    metrics: dict[str, str]  # task -> name of its main score
    types: dict[str, str]
    languages: dict[str, dict[str, str]]  # task -> subset -> 'eng-Latn,fra-Latn'
    lower_case: dict[str, str]  # files before 1.11 write some names in another case

    @classmethod
    def of(cls, connection: duckdb.DuckDBPyConnection, only: str | None = None) -> Names:
        """The names as the store's registry tables have them; with ``only``, languages of that one task alone."""
        renames = connection.execute("SELECT kind, old, new FROM renames").fetchall()
        tasks = connection.execute("SELECT task, metric, type FROM tasks WHERE metric IS NOT NULL").fetchall()
        languages: dict[str, dict[str, str]] = {}
        wanted = [new for kind, old, new in renames if kind == "task" and old == only] or [only]
        cells = connection.execute(
            """SELECT DISTINCT task, subset, languages FROM task_cells
               WHERE languages IS NOT NULL AND ($only IS NULL OR list_contains($wanted, task))""",
            {"only": only, "wanted": wanted},
        )
        for task, subset, spoken in cells.fetchall():
            languages.setdefault(task, {})[subset] = spoken
        return cls(
            renamed_tasks={old: new for kind, old, new in renames if kind == "task"},
            renamed_models={old: new for kind, old, new in renames if kind == "model"},
            metrics={task: metric for task, metric, _ in tasks},
            types={task: task_type for task, _, task_type in tasks},
            languages=languages,
            lower_case={task.lower(): task for task, _, _ in tasks},
        )

    def task(self, name: str) -> str:
        """Today's name of a task; a name nobody knows is kept."""
        today = self.renamed_tasks.get(name, name)
        return today if today in self.metrics else self.lower_case.get(today.lower(), today)

    def model(self, name: str) -> str:
        """Today's name of a model."""
        return self.renamed_models.get(name, name)

    def spoken(self, task: str, subset: str) -> str | None:
        """Languages of a subset, of the whole task where the subset is not the registry's, None for unknown tasks."""
        subsets = self.languages.get(task)
        if not subsets:
            return None
        if subset in subsets:
            return subsets[subset]
        return ",".join(dict.fromkeys(language for spoken in subsets.values() for language in spoken.split(",")))

"""Slot text: prompts that wrappers and template servers put before texts, by the models whose cards ask for them."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

from data.rules.causes.cause import Cause
from data.store.vocabulary import Slot

__all__ = ["MODEL_PROMPTS", "PROMPT_CAUSES", "ModelPrompts"]


class ModelPrompts(NamedTuple):
    """What one family of models wants before queries and before documents; '' for nothing."""

    family: str
    query: str
    document: str


_TASK = "Given a web search query, retrieve relevant passages that answer the query"
# From the models' cards and their config_sentence_transformers.json.
MODEL_PROMPTS = (
    ModelPrompts("E5", "query: ", "passage: "),
    ModelPrompts("BGE, mxbai and Arctic", "Represent this sentence for searching relevant passages: ", ""),
    ModelPrompts("BGE in Chinese", "为这个句子生成表示以用于检索相关文章：", ""),
    ModelPrompts("Nomic", "search_query: ", "search_document: "),
    ModelPrompts("Nomic, for clustering", "clustering: ", "clustering: "),
    ModelPrompts("Nomic, for classification", "classification: ", "classification: "),
    ModelPrompts("EmbeddingGemma", "task: search result | query: ", "title: none | text: "),
    ModelPrompts("E5-Mistral and Qwen3", f"Instruct: {_TASK}\nQuery:", ""),
    ModelPrompts("GTE-Qwen2 and Linq", f"Instruct: {_TASK}\nQuery: ", ""),
    ModelPrompts("BGE-Gemma", f"<instruct>{_TASK}\n<query>", ""),
    ModelPrompts(
        "Jina v3", "Represent the query for retrieving evidence documents: ", "Represent the document for retrieval: "
    ),
    ModelPrompts("Jina v4", "Query: ", "Passage: "),
    ModelPrompts("INSTRUCTOR", "Represent the question for retrieving supporting documents: ",
                 "Represent the document for retrieval: "),
    ModelPrompts("Arctic v2 and GIST", "Represent this sentence: ", ""),
    ModelPrompts("SFR and Stella", f"Instruct: {_TASK}.\nQuery: ", ""),
    ModelPrompts("Granite and templates", "query:", "passage:"),
    ModelPrompts("templates", "text: ", "text: "),
    ModelPrompts("templates with capitals", "Query: ", "Document: "),
)  # fmt: skip

_prompted = partial(Cause, slot=Slot.TEXT, family="prompt", by_look=True)
_REMOVE = "Remove the prompt, or give the model's own."
_LEANS = "Every vector leans towards the prompt, the shorter the text the more."
_QUERIES = "Queries lean towards the prompt, the shorter the more; other texts keep their vectors."
_DOCUMENTS = "Documents lean towards the prompt, the shorter the more; other texts keep their vectors."
_BOTH = "Queries and documents each lean towards a prompt, the shorter the more."

PROMPT_CAUSES = (
    _prompted(
        code="prompt-known", words='prompt "{prompt}" {how}', effect=_LEANS, remedy=_REMOVE,
        general="another model's prompt",
    ),
    _prompted(
        code="prompt-on-queries", words='prompt "{prompt}" on queries alone', effect=_QUERIES, remedy=_REMOVE,
        general="another model's prompt on queries alone",
    ),
    _prompted(
        code="prompt-on-documents", words='prompt "{prompt}" on documents alone', effect=_DOCUMENTS, remedy=_REMOVE,
        general="another model's prompt on documents alone",
    ),
    _prompted(
        code="prompt-but-on-queries", words='prompt "{prompt}" on all texts but queries', effect=_DOCUMENTS,
        remedy=_REMOVE, general="another model's prompt on all texts but queries",
    ),
    _prompted(
        code="prompt-but-on-documents", words='prompt "{prompt}" on all texts but documents', effect=_QUERIES,
        remedy=_REMOVE, general="another model's prompt on all texts but documents",
    ),
    _prompted(
        code="prompts-of-a-family-by-default", effect=_BOTH, remedy=_REMOVE,
        words="the prompts of other models ({model}), that of documents on texts of no role",
        general="other models' prompts, that of documents on texts of no role",
    ),
    _prompted(
        code="prompts-of-roles", words='prompt "{query}" on queries and "{document}" on documents', effect=_BOTH,
        remedy=_REMOVE, general="another prompt on queries and another on documents",
    ),
    _prompted(
        code="prompts-of-a-family", words="the prompts of other models ({model})", effect=_BOTH, remedy=_REMOVE,
        general="other models' prompts",
    ),
    _prompted(
        code="prompt-doubled", words="prompt put twice", effect=_LEANS, remedy="Put the prompt once.",
    ),
    _prompted(
        code="prompt-spaced", words="a space after the prompt", effect="Texts with a prompt become other tokens.",
        remedy="Put the prompt as the model has it.",
    ),
    _prompted(
        code="prompt-without-space", words="the white space at the prompt's end lost",
        effect="Texts with a prompt become other tokens.", remedy="Put the prompt as the model has it.",
    ),
    _prompted(
        code="prompt-queries-lost", words="prompt missing on queries alone", remedy="Pass the prompt of each role.",
        effect="Queries get vectors without their prompt; documents keep theirs.",
    ),
    _prompted(
        code="prompt-documents-lost", words="prompt missing on documents alone", remedy="Pass the prompt of each role.",
        effect="Documents get vectors without their prompt; queries keep theirs.",
    ),
)  # fmt: skip

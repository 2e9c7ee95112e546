"""Any LangChain ``Embeddings`` class, named as ``module:Class``; further options are its arguments."""

from __future__ import annotations

from evaluators.encoders.base import Backend
from evaluators.encoders.python_object import ObjectEncoder


class LangChainEncoder(ObjectEncoder):
    """Queries through ``embed_query``, everything else through ``embed_documents``, as a chain would do it."""

    framework = "langchain"


BACKEND = Backend(
    about="any LangChain Embeddings class: module:Class, other keys are its arguments",
    example="langchain_huggingface:HuggingFaceEmbeddings?model_name=FOLDER",
    open=LangChainEncoder, options=None, revisions=True, outside=True, by_length=True,
)  # fmt: skip

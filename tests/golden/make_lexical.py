"""Recompute the reference vectors of BM25, and the stopwords that the library ships.

Runs where fastembed is installed. ``python tests/golden/make_lexical.py`` writes ``lexical.json``: what fastembed's
Bm25 makes of the texts below, in every language it has, its stopwords read from a folder so that no hub is needed.

``python tests/golden/make_lexical.py FOLDER`` first rewrites ``core/rapidembed/lexical/data/stopwords`` from the
stopwords corpus of nltk_data (see NOTICE): FOLDER holds a file per language, as in ``nltk.download("stopwords")`` or
in ``llama_index/core/_static/nltk_cache/corpora/stopwords`` of an installed llama-index-core.
"""

import json
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from shutil import copy
from typing import Any

from fastembed.sparse.bm25 import Bm25, supported_languages

HERE = Path(__file__).parent
STOPWORDS = HERE.parents[1] / "core" / "rapidembed" / "lexical" / "data" / "stopwords"
OTHER_LANGUAGES = ["bengali", "nepali"]
"""Languages that fastembed does not have and we have a list for."""

TEXTS = {
    "arabic": ["كانت القطة تجلس على السجادة، والمدينة كبيرة وجميلة.", "الكتب المدرسية في المكتبة العامة"],
    "danish": ["Katten sad på måtten, og børnene løb hurtigt gennem de gamle gader.", "Hvornår åbner bibliotekerne?"],
    "dutch": ["De katten zaten op de mat terwijl de kinderen door de oude straten renden.", "mogelijkheden, 's avonds"],
    "english": ["The cats were sitting on the mats; running quickly through organizations' adding machines.", "it's"],
    "finnish": ["Kissa istui matolla, ja lapset juoksivat nopeasti vanhojen katujen läpi.", "kirjastoissamme"],
    "french": [
        "Le chat était assis sur le tapis, et l'été les enfants couraient où ils voulaient.",
        "Qu'est-ce que c'est",
    ],
    "german": ["Die Straßenbahn fährt täglich über die Brücken; Größe und Maß außer sonntags.", "STRASSE Straße ẞ"],
    "greek": ["Η γάτα καθόταν στο χαλί και τα παιδιά έτρεχαν στους παλιούς δρόμους.", "Ο ΟΔΥΣΣΕΥΣ' ΛΟΓΟΣ, ΣΟΦΟΣ.Σ Σ"],
    "hungarian": ["A macska a szőnyegen ült, és a gyerekek gyorsan futottak a régi utcákon.", "könyvtáraink"],
    "italian": ["Il gatto era seduto sul tappeto, perché i bambini correvano nelle vecchie strade.", "dell'università"],
    "norwegian": ["Katten satt på matta, og barna løp raskt gjennom de gamle gatene.", "bibliotekene"],
    "portuguese": ["O gato estava sentado no tapete, e as crianças corriam pelas ruas antigas.", "informações úteis"],
    "romanian": ["Pisica stătea pe covor, iar copiii alergau repede pe străzile vechi.", "învățătură și știință"],
    "russian": ["Кошка сидела на коврике, а дети быстро бежали по старым улицам.", "ёлка Ёжик компьютерами"],
    "spanish": [
        "El gato estaba sentado en la alfombra, y los niños corrían por las calles viejas.",
        "¿Cuándo? canciones",
    ],
    "swedish": ["Katten satt på mattan, och barnen sprang snabbt genom de gamla gatorna.", "biblioteken öppnar"],
    "tamil": ["பூனை பாயில் அமர்ந்தது, குழந்தைகள் ஓடினார்கள்.", "தமிழ் மொழி"],
    "turkish": [
        "Kedi paspasın üzerinde oturuyordu, çocuklar İstanbul'un eski sokaklarında koştu.",
        "KIRMIZI IŞIKLAR Çığ",
    ],
}
EDGES = [
    "",
    " \n\t",
    "the and of",
    "a",
    "x",
    "_",
    "_ __ a_b _c",
    "!?.,;:-()[]{}'\"…«»",
    "don't can't we're o'clock",
    "repeat repeat REPEAT Repeating repeated repeats",
    "e-mail me@example.org at https://example.org/a?b=c&d=%20e #nlp @you",
    "3.14 1,000 2nd ½ ² Ⅷ ① ७ ٣",
    "ﬁne ﬂow ǆungla ŉ ß ẞ ſ K Å Ω",
    "İ i̇ ı I",
    "Σ ΣΑΣ ΑΣ' ΑΣ'Α ΑΣ.Α ΑΣ\u0301 ΑΣ\u0301Α ΑΣ\u200dΑ ς",
    "na\u0131ve naïve nai\u0308ve café cafe\u0301",
    "東京は日本の首都です 東京",
    "mixed東京text тест test",
    "a\x00b\x1cc\x1fd\x85e\u2028f\u3000g\u200bh\ufeffi",
    "🚀 rocket 🚀🔥 👩\u200d🚀 x",
    "x" * 40 + " " + "y" * 41 + " " + "é" * 40 + " " + "é" * 41,
    "757 4904 757 word",
    "4904 757 4904",
    "internal internally international universally lateral paste pastes",
]
"""In English. 757 and 4904 are different words with the same id."""
LONG = {"words": 10_000, "vocabulary": 700}
"""A text of ``words`` words: word 0, 1, 4, 9 ... modulo ``vocabulary``."""
OPTIONS: dict[str, dict[str, Any]] = {
    "k, b, avg_len": {"k": 2.0, "b": 0.3, "avg_len": 10.0},
    "b=0": {"b": 0.0},
    "b=1, k=0": {"b": 1.0, "k": 0.0},
    "token_max_length": {"token_max_length": 4},
    "disable_stemmer": {"disable_stemmer": True},
    "stopwords": {"stopwords": ["CATS", "mats"]},
    "no stopwords": {"stopwords": []},
    "disable_stemmer, stopwords": {"disable_stemmer": True, "stopwords": ["the"]},
    "disable_stemmer, unknown language": {"disable_stemmer": True, "language": "klingon"},
}
OPTION_TEXT = "The cats were sitting on the mats, and the cats were not running; sitting is what cats do."


def long_text() -> str:
    """The text that ``LONG`` describes."""
    return " ".join(f"word{i * i % LONG['vocabulary']}" for i in range(LONG["words"]))


def write_stopwords(folder: Path) -> None:
    """Take over the lists, each word once."""
    for language in [*supported_languages, *OTHER_LANGUAGES]:
        words = sorted(set((folder / language).read_text(encoding="utf-8").splitlines()))
        (STOPWORDS / f"{language}.txt").write_text("".join(f"{word}\n" for word in words), encoding="utf-8")


def reference(folder: Path, texts: list[str], **options: Any) -> list[dict[str, Any]]:
    """Documents, queries and token counts of fastembed."""
    options["stopwords"] = set(options["stopwords"]) if "stopwords" in options else None
    model = Bm25("Qdrant/bm25", specific_model_path=str(folder), **options)
    return [
        {
            "document": {str(index): float(f"{value:.9g}") for index, value in sorted(document.as_dict().items())},
            "query": sorted(query.as_dict()),
            "tokens": model.token_count([text]),
        }
        for text, document, query in zip(texts, model.embed(texts), model.query_embed(texts), strict=True)
    ]


def main() -> None:
    """Write the files."""
    if len(sys.argv) > 1:
        write_stopwords(Path(sys.argv[1]))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file in STOPWORDS.iterdir():
            if file.stem != "tamil":  # for which fastembed has no list
                copy(file, folder)
        languages = {
            name: {"texts": texts, "expected": reference(folder, texts, language=name)} for name, texts in TEXTS.items()
        }
        content = {
            "made_with": {name: version(name) for name in ("fastembed", "py_rust_stemmers", "mmh3")},
            "languages": languages,
            "edges": {"texts": EDGES, "expected": reference(folder, EDGES)},
            "long": LONG | {"expected": reference(folder, [long_text()])[0]},
            "options": {
                name: {"options": options, "expected": reference(folder, [OPTION_TEXT], **options)[0]}
                for name, options in OPTIONS.items()
            },
            "option_text": OPTION_TEXT,
        }
    text = json.dumps(content, ensure_ascii=True, indent=1)
    (HERE / "lexical.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

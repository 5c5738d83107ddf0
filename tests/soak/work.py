"""What callers do with the models: every form of call, abandoned and cancelled ones, and every fault a user makes."""

import asyncio
import collections
import io
import random
import shutil
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image
from rapidembed import ClosedError, RapidEmbedError

from tests.soak.models import Model

_CALLERS = 24
"""Tasks of an event loop at once."""


class OwnError(Exception):
    """Raised by a user's own generator."""


class Work:
    """Threads that work until they are told to stop.

    Args:
        models: to work with.
        place: an empty folder.
        seed: of what is done.
    """

    def __init__(self, models: list[Model], place: Path, seed: int) -> None:
        self.done: collections.Counter[str] = collections.Counter()
        """Calls by form, and errors that were called for by name."""
        self.wrong: collections.Counter[str] = collections.Counter()
        """Everything else."""
        self._models, self._place, self._seed = models, place, seed
        self._stop, self._lock = threading.Event(), threading.Lock()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Four threads, and one with an event loop."""
        targets: list[Callable[[int], None]] = [*[self._call_on] * 4, self._loop]
        for number, target in enumerate(targets):
            thread = threading.Thread(target=target, args=(self._seed + number,), name=f"soak-{number}")
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """Wait for all to end."""
        self._stop.set()
        for thread in self._threads:
            thread.join(60)
            if thread.is_alive():
                self._note(self.wrong, f"{thread.name} hangs")
        self._threads.clear()

    def _note(self, where: "collections.Counter[str]", what: str) -> None:
        with self._lock:
            where[what] += 1

    def _call_on(self, seed: int) -> None:
        choose = random.Random(seed)
        while not self._stop.is_set():
            form = choose.choices(list(_FORMS), _FORMS.values())[0]
            try:
                form(self, choose.choice(self._models), choose)
            except ClosedError:
                self._note(self.done, "ClosedError")
            except BaseException as error:
                self._note(self.wrong, f"{form.__name__}: {type(error).__name__}: {str(error)[:200]}")
            else:
                self._note(self.done, form.__name__.strip("_"))

    def _expect(self, error: type[BaseException], call: Callable[[], object]) -> None:
        try:
            call()
        except error as found:
            self._note(self.done, type(found).__name__)
        else:
            raise AssertionError(f"no {error.__name__}")

    def _lone(self, model: Model, choose: random.Random) -> None:
        index = choose.randrange(len(model.items))
        model.check(index, model.one(model.get(), model.items[index]))

    def _several(self, model: Model, choose: random.Random) -> None:
        rows = choose.choices(range(len(model.items)), k=choose.choice([0, 2, 9, 60]))
        found = model.many(model.get(), [model.items[row] for row in rows])
        for row, each in zip(rows, found, strict=True):
            model.check(row, each)

    def _abandoned(self, model: Model, choose: random.Random) -> None:
        results = model.stream(model.get(), [*model.items] * 20)
        for index in range(choose.choice([0, 1, 5])):
            model.check(index, next(results))
        if choose.random() < 0.5:
            results.close()

    def _own_error(self, model: Model, choose: random.Random) -> None:
        def given() -> Any:
            yield from model.items
            raise OwnError

        index = 0

        def read() -> None:
            nonlocal index
            for found in model.stream(model.get(), given()):
                model.check(index, found)
                index += 1

        self._expect(OwnError, read)
        if index != len(model.items):
            raise AssertionError(f"{index} rows came before the error, expected {len(model.items)}")

    def _wrong_item(self, model: Model, choose: random.Random) -> None:
        given = [*model.items[:3], None, *model.items[3:5]]
        self._expect(TypeError, lambda: model.many(model.get(), given))

    def _replaced(self, model: Model, choose: random.Random) -> None:
        model.replace()

    def _damaged(self, model: Model, choose: random.Random) -> None:
        folder = self._place / f"damaged-{threading.get_ident()}"
        shutil.copytree(model.folder, folder)
        try:
            name = choose.choice(["model.safetensors", "config.json", "tokenizer.json"])
            for path in folder.rglob(name):
                path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
            if any(folder.rglob(name)):
                self._expect(RapidEmbedError, lambda: type(model.get())(folder).encode(["x"]))
        finally:
            shutil.rmtree(folder)

    def _damaged_picture(self, model: Model, choose: random.Random) -> None:
        if model.kind != "pictures":
            return
        file = io.BytesIO()
        Image.fromarray(model.items[0]).save(file, "PNG")
        self._expect(RapidEmbedError, lambda: model.many(model.get(), [model.items[0], file.getvalue()[:-30]]))

    def _loop(self, seed: int) -> None:
        choose = random.Random(seed)
        while not self._stop.is_set():  # a loop of its own now and then, as in programs that call asyncio.run
            asyncio.run(self._together(choose))

    async def _together(self, choose: random.Random) -> None:
        for _ in range(20):
            await asyncio.gather(*(self._caller(choose.choice(self._models), choose) for _ in range(_CALLERS)))
            if self._stop.is_set():
                return

    async def _caller(self, model: Model, choose: random.Random) -> None:
        index, patience = choose.randrange(len(model.items)), choose.choice([None, None, 0.0, 0.001, 0.02])
        try:
            opened = await asyncio.to_thread(model.get)
            async with asyncio.timeout(patience):
                found = await model.soon(opened, model.items[index])
            model.check(index, found)
        except (ClosedError, TimeoutError) as error:
            self._note(self.done, type(error).__name__)
        except Exception as error:
            self._note(self.wrong, f"async: {type(error).__name__}: {str(error)[:200]}")
        else:
            self._note(self.done, "async")


_FORMS: dict[Callable[[Work, Model, random.Random], None], float] = {
    Work._lone: 30,
    Work._several: 20,
    Work._abandoned: 6,
    Work._own_error: 3,
    Work._wrong_item: 5,
    Work._replaced: 1,
    Work._damaged: 1,
    Work._damaged_picture: 5,
}
"""Each form of call with how often it is drawn."""

warnings.simplefilter("ignore")

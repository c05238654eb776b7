"""The small networks beside logistic regression: sentiment (SST-2), credit and health risk, handwritten digits.

    python -m benchmarks.small_networks [--only sst2 german health digits] [--seeds N] [--json FILE]

SST-2: trained on the phrases of train.tsv, stopped by those of dev.tsv that are not in it, scored on test.tsv (872).
Tables: five folds, each network stopped and calibrated by a fifth of its training rows, logistic regression fitted on
all of them; German credit leaves nothing out, so its gaps are those of a model that sees age and sex. Digits: 10,000 of
MNIST's test half, 80/20.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import logging
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import structlog
from numpy.typing import NDArray

from benchmarks.beir import print_table, shared_data, write_json
from core.evaluation.calibration import expected_calibration_error, reliability
from core.evaluation.classification import area_under_curve
from core.evaluation.fairness import fairness
from core.models.networks.open import ImageClassifier, LstmClassifier, TabularClassifier, load_small
from core.models.networks.tabular import Row, encode, learn_columns
from core.training.classification.folds import fold_rows
from core.training.classification.label_errors import ngram_model
from core.training.networks.image import ImageArgs, train_image
from core.training.networks.lstm import LstmArgs, train_lstm
from core.training.networks.run import Examples
from core.training.networks.tabular import TabularArgs, train_tabular
from core.training.watch import Quiet

LEAST_SST2, LEAST_DIGITS, MOST_BEHIND = 0.80, 0.97, 0.02
FOLDS = 5
Floats = NDArray[np.float64]


def sst2(seeds: int) -> tuple[list[list[Any]], dict[str, Any]]:
    training, dev, test = (_phrases(name) for name in ("train", "dev", "test"))
    seen = set(training.inputs)
    fresh = [number for number, text in enumerate(dev.inputs) if text not in seen]
    validation = _chosen(dev, fresh)
    gold = np.array(test.classes)
    start = time.perf_counter()
    words = _word_pairs(training)
    simple = float((words.predict(test.inputs) == gold).mean())
    rows = [["words and pairs, logistic regression", f"{simple:.4f}", f"{time.perf_counter() - start:.0f}"]]
    start = time.perf_counter()
    larger = float((ngram_model(training.inputs, training.classes).predict(test.inputs) == gold).mean())
    rows.append(["and characters 2-5 beside them", f"{larger:.4f}", f"{time.perf_counter() - start:.0f}"])
    found = []
    for seed in range(seeds):
        start = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            train_lstm(Path(folder), training, validation, ["negative", "positive"], LstmArgs(seed=seed), Quiet())
            model = load_small(Path(folder))
            assert isinstance(model, LstmClassifier)
            found.append(float((model.predict(test.inputs).classes == gold).mean()))
        rows.append([f"LSTM, seed {seed}", f"{found[-1]:.4f}", f"{time.perf_counter() - start:.0f}"])
    results = {"lstm": found, "words_and_pairs": simple, "ngrams": larger, "validation_rows": len(fresh)}
    return rows, results


def _word_pairs(training: Examples) -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    model = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True), LogisticRegression(C=10, max_iter=500)
    )
    return model.fit(training.inputs, training.classes)


def _phrases(name: str) -> Examples:
    lines = (shared_data() / "sst2_sentences" / f"{name}.tsv").read_text(encoding="utf-8").splitlines()[1:]
    pairs = [line.rsplit("\t", 1) for line in lines if line.strip()]
    return Examples([text.strip() for text, _ in pairs], [int(label) for _, label in pairs])


def _chosen(examples: Examples, rows: Sequence[int]) -> Examples:
    inputs = examples.inputs
    chosen = inputs[rows] if isinstance(inputs, np.ndarray) else [inputs[row] for row in rows]
    return Examples(chosen, [examples.classes[row] for row in rows])


@dataclass(frozen=True)
class Risk:
    """A table with a yes or no to be foreseen; ``groups``: who a row is, for the gaps."""

    name: str
    examples: Examples
    labels: tuple[str, str]
    groups: Mapping[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Side:
    """One model's out-of-fold answers and its AUC in each fold."""

    chances: Floats
    classes: NDArray[np.int64]
    areas: list[float]


def tables(names: Sequence[str]) -> tuple[list[list[Any]], list[list[Any]], dict[str, Any]]:
    rows: list[list[Any]] = []
    gaps: list[list[Any]] = []
    results: dict[str, Any] = {}
    for name in names:
        risk = RISKS[name]()
        sides = {"logistic regression": _logistic(risk), "perceptron": _perceptron(risk)}
        gold = np.array(risk.examples.classes)
        results[name] = {}
        for model, side in sides.items():
            curve = reliability(gold == 1, side.chances[:, 1])
            error = expected_calibration_error(curve)
            accuracy = float((side.classes == gold).mean())
            area = float(np.mean(side.areas))
            rows.append(
                [
                    risk.name,
                    model,
                    f"{area:.4f}",
                    f"{np.std(side.areas, ddof=1):.3f}",
                    f"{accuracy:.3f}",
                    f"{error:.3f}",
                ]
            )
            results[name][model] = {"auc": area, "folds": side.areas, "accuracy": accuracy, "calibration": error}
            for column, members in risk.groups.items():
                found = fairness(gold, side.classes, members, column=column, label=risk.labels[1], number=1)
                gaps += [_gap_row(risk.name, model, column, gap) for gap in found.gaps]
                results[name][model][column] = {gap.rate: gap.difference.value for gap in found.gaps}
    return rows, gaps, results


def _gap_row(name: str, model: str, column: str, gap: Any) -> list[Any]:
    difference = gap.difference
    bounds = f"{difference.low:+.3f} … {difference.high:+.3f}"
    return [name, model, column, gap.rate, f"{gap.highest} > {gap.lowest}", f"{difference.value:.3f}", bounds]


def _perceptron(risk: Risk) -> Side:
    gold = np.array(risk.examples.classes)
    chances, classes, areas = np.zeros((len(gold), 2)), np.zeros(len(gold), np.int64), []
    for number, (training, held_out) in enumerate(fold_rows(risk.examples.classes, FOLDS)):
        inner = next(fold_rows(gold[training].tolist(), FOLDS, seed=number))
        fit, stop = (_chosen(risk.examples, training[part].tolist()) for part in inner)
        with tempfile.TemporaryDirectory() as folder:
            train_tabular(Path(folder), fit, stop, risk.labels, TabularArgs(seed=number), Quiet())
            model = load_small(Path(folder))
            assert isinstance(model, TabularClassifier)
            said = model.predict(_chosen(risk.examples, held_out.tolist()).inputs)
        chances[held_out], classes[held_out] = said.probabilities, said.classes
        areas.append(_area(gold[held_out], said.probabilities))
    return Side(chances, classes, areas)


def _logistic(risk: Risk) -> Side:
    """The same columns and the same balanced decision: likelier than the class is on the whole."""
    from sklearn.linear_model import LogisticRegression

    gold = np.array(risk.examples.classes)
    chances, classes, areas = np.zeros((len(gold), 2)), np.zeros(len(gold), np.int64), []
    for training, held_out in fold_rows(risk.examples.classes, FOLDS):
        seen: list[Row] = _chosen(risk.examples, training.tolist()).inputs
        columns, _ = learn_columns(seen, list(seen[0]), {}, one_hot=1000)
        model = LogisticRegression(max_iter=5000).fit(encode(columns, seen).numbers, gold[training])
        said = model.predict_proba(encode(columns, _chosen(risk.examples, held_out.tolist()).inputs).numbers)
        chances[held_out] = said
        classes[held_out] = said[:, 1] > gold[training].mean()
        areas.append(_area(gold[held_out], said))
    return Side(chances, classes, areas)


def _area(gold: Any, chances: Floats) -> float:
    area = area_under_curve(gold == 1, chances[:, 1])
    assert area is not None
    return area


def _lines(name: str) -> list[list[str]]:
    with (shared_data() / "tabular_small" / name).open(encoding="utf-8", newline="") as file:
        return [[cell.strip() for cell in line] for line in csv.reader(file) if line]


GERMAN = (
    "checking months history purpose amount savings employed rate status debtors residence property age plans housing "
    "credits job dependants telephone foreign"
).split()


def german() -> Risk:
    lines = _lines("german.csv")
    rows = [dict(zip(GERMAN, line, strict=False)) for line in lines]
    groups = {
        "age": ["25 and under" if int(row["age"]) <= 25 else "over 25" for row in rows],
        "sex": ["women" if row["status"] in ("A92", "A95") else "men" for row in rows],
    }
    return Risk("German credit", Examples(rows, [int(line[-1]) - 1 for line in lines]), ("good", "bad"), groups)


def pima() -> Risk:
    names = "pregnancies glucose pressure skin insulin mass pedigree age".split()
    # A zero in these five is a value that was not measured.
    blank = {"glucose", "pressure", "skin", "insulin", "mass"}
    lines = _lines("pima-indians-diabetes.csv")
    rows = [
        {name: "" if name in blank and float(cell) == 0 else cell for name, cell in zip(names, line, strict=False)}
        for line in lines
    ]
    return Risk("Pima diabetes", Examples(rows, [int(line[-1]) for line in lines]), ("no", "yes"))


def cancer() -> Risk:
    lines = _lines("breast-cancer-wisconsin.csv")
    rows = [{f"measure {place}": cell for place, cell in enumerate(line[:-1], start=1)} for line in lines]
    return Risk("Breast cancer", Examples(rows, [int(line[-1] == "4") for line in lines]), ("benign", "malignant"))


RISKS = {"german": german, "pima": pima, "cancer": cancer}


def digits() -> tuple[list[list[Any]], dict[str, Any]]:
    from sklearn.linear_model import LogisticRegression

    folder = shared_data() / "mnist_t10k"
    packed = [(folder / f"t10k-{name}-ubyte.gz").read_bytes() for name in ("images-idx3", "labels-idx1")]
    images = np.frombuffer(gzip.decompress(packed[0]), np.uint8, offset=16)
    labels = np.frombuffer(gzip.decompress(packed[1]), np.uint8, offset=8)
    examples = Examples(images.reshape(-1, 28, 28), labels.astype(int).tolist())
    training, held_out = next(fold_rows(examples.classes, FOLDS))
    fit, stop = (training[part] for part in next(fold_rows(labels[training].tolist(), 10)))
    start = time.perf_counter()
    flat = images.reshape(len(labels), -1) / 255.0
    simple = LogisticRegression(max_iter=300).fit(flat[training], labels[training])
    plain = float(simple.score(flat[held_out], labels[held_out]))
    rows = [["logistic regression", f"{plain:.4f}", f"{time.perf_counter() - start:.0f}"]]
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as scratch:
        names = [str(number) for number in range(10)]
        train_image(Path(scratch), _chosen(examples, fit), _chosen(examples, stop), names, ImageArgs(), Quiet())
        model = load_small(Path(scratch))
        assert isinstance(model, ImageClassifier)
        said = model.predict(examples.inputs[held_out])
    right = float((said.classes == labels[held_out]).mean())
    rows.append(["convolution", f"{right:.4f}", f"{time.perf_counter() - start:.0f}"])
    return rows, {"convolution": right, "logistic_regression": plain, "rows": len(held_out)}


def verdict(name: str, met: bool) -> None:
    print(f"target: {name}: {'met' if met else 'NOT met'}\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=["sst2", "german", "health", "digits"])
    parser.add_argument("--seeds", type=int, default=3, help="of the LSTM")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    wanted = arguments.only or ["sst2", "german", "health", "digits"]
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    results: dict[str, Any] = {}
    names = [
        name for name, group in (("german", "german"), ("pima", "health"), ("cancer", "health")) if group in wanted
    ]
    if names:
        rows, gaps, results["tables"] = tables(names)
        print_table(["table", "model", "AUC, five folds", "deviation", "accuracy", "calibration error"], rows)
        if gaps:
            print()
            print_table(["table", "model", "column", "rate of being called bad", "groups", "gap", "95 %"], gaps)
        for name in names:
            areas = {model: side["auc"] for model, side in results["tables"][name].items()}
            behind = areas["logistic regression"] - areas["perceptron"]
            verdict(f"{name}: perceptron at most {MOST_BEHIND} behind ({behind:+.4f})", behind <= MOST_BEHIND)
    if "digits" in wanted:
        rows, results["digits"] = digits()
        print_table(["digits, 2,000 held out", "accuracy", "seconds"], rows)
        verdict(f"digits >= {LEAST_DIGITS}", results["digits"]["convolution"] >= LEAST_DIGITS)
    if "sst2" in wanted:
        rows, results["sst2"] = sst2(arguments.seeds)
        print_table(["SST-2 test, 872", "accuracy", "seconds"], rows)
        mean = float(np.mean(results["sst2"]["lstm"]))
        verdict(f"SST-2 >= {LEAST_SST2}, mean of {arguments.seeds} seeds {mean:.4f}", mean >= LEAST_SST2)
    write_json(arguments.json, results)


if __name__ == "__main__":
    main()

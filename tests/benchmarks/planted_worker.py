"""Every ranking of people that vivainsights and orgnet offer for one stored company, in a process and an environment of their own."""

import argparse
import warnings
from pathlib import Path

import matplotlib as mpl
import pandas as pd

mpl.use("Agg")


def by_vivainsights(ties: pd.DataFrame, department: pd.Series) -> pd.DataFrame:
    """Return the five centralities of its person-to-person network; it takes no weights (weight= fails on other column names)."""
    import vivainsights

    ends = {"PrimaryCollaborator": ties["from"], "SecondaryCollaborator": ties["to"]}
    query = {f"{end}_PersonId": who.astype(str) for end, who in ends.items()}
    query |= {f"{end}_Organization": who.map(department) for end, who in ends.items()}
    found = vivainsights.network_p2p(data=pd.DataFrame(query), return_type="data", centrality="pagerank", layout="random")
    measures = ["betweenness", "closeness", "degree", "eigenvector", "pagerank"]
    return found.drop_duplicates("name").set_index("name")[measures].astype(float)


def by_orgnet(ties: pd.DataFrame, department: pd.Series) -> pd.DataFrame:
    """Return its centralities, its brokerage score and the share of ties that bridge departments.

    With numba, as its own extra installs it, its constraint adds up squared shares and looks at no tie among alters; the exact loop
    that runs without numba takes three billion steps for 600 people.
    """
    import networkx as nx
    from orgnet.metrics.bonding_bridging import BondingBridgingAnalyzer
    from orgnet.metrics.centrality import CentralityAnalyzer
    from orgnet.metrics.structural import StructuralAnalyzer

    directed = nx.DiGraph()
    directed.add_weighted_edges_from(zip(ties["from"].astype(str), ties["to"].astype(str), ties["weight"], strict=True))
    nx.set_node_attributes(directed, {str(who): str(code) for who, code in department.items()}, "department")
    near = nx.Graph()
    near.add_nodes_from(directed.nodes(data=True))
    for one, other, weight in directed.edges(data="weight"):
        near.add_edge(one, other, weight=near.get_edge_data(one, other, {"weight": 0.0})["weight"] + weight)
    tables = CentralityAnalyzer(near).compute_all_centralities()  # undirected as its own builder does it: its closeness takes no other
    tables |= {f"hits_{name}": table for name, table in CentralityAnalyzer(directed).compute_hits().items()}
    tables["directed_pagerank"] = CentralityAnalyzer(directed).compute_pagerank()
    found = {name: table.set_index("node_id")["value"] for name, table in tables.items()}
    found["brokerage"] = StructuralAnalyzer(near).compute_constraint().set_index("node_id")["brokerage_score"]
    bridging = BondingBridgingAnalyzer(near).analyze_bonding_bridging(use_formal_structure=True)
    found["bridging"] = bridging.set_index("node_id")["bridging_score"]
    return pd.DataFrame(found)


def main() -> None:
    """Read ties and departments; write one column per ranking."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("ties", type=Path, help="csv: from, to, weight")
    parser.add_argument("departments", type=Path, help="csv: person, group")
    parser.add_argument("found", type=Path)
    asked = parser.parse_args()
    warnings.filterwarnings("ignore")
    ties, department = pd.read_csv(asked.ties), pd.read_csv(asked.departments).set_index("person")["group"]
    libraries = {"vivainsights": by_vivainsights, "orgnet": by_orgnet}
    tables = [call(ties, department).add_prefix(f"{name} ") for name, call in libraries.items()]
    pd.concat(tables, axis=1).rename_axis("person").to_csv(asked.found)


if __name__ == "__main__":
    main()

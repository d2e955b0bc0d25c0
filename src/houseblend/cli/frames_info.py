"""frames-info: what a frame store holds."""

from pathlib import Path

from houseblend.cli.program import argument, program


@program(example="frames-info exp/frames")
@argument("folder", type=Path, help="frame store")
def main(folder: Path) -> None:
    """Print dimension, pdfs, shards, and utterances and frames of every subset."""
    from houseblend.frames.store import SUBSETS, FrameStore

    store = FrameStore(folder)
    print(f"dim {store.dim}\nnum-pdfs {store.num_pdfs}\nshards {len(store.info['shards'])}")
    for name in SUBSETS:
        chosen = [u for u in store.utterances if (u.combine if name == "combine" else u.subset == name)]
        print(f"{name} {len(chosen)} utterances {sum(u.frames for u in chosen)} frames")
    size = sum(path.stat().st_size for path in folder.iterdir() if path.suffix in (".f32", ".i32"))
    feats = 4 * store.dim * sum(store.info["shards"])
    print(f"bytes {size} ({size / feats:.3f} of the float32 features)")
    for name in ("cmvn", "features", "tree"):
        print(f"{name} {store.info.get(name)}")

"""The public sets that can be converted, and where their users get them.

None is downloaded: their hosts ask for a registration or an e-mail, or publish no checksum to verify.
"""

from __future__ import annotations

from dataclasses import dataclass

from gaugeconv.data.sets import faust, psb, rna, segmented, shrec11
from gaugeconv.data.sets.source import Reader


@dataclass(frozen=True)
class Kind:
    """One public set.

    Attributes:
        title: its name.
        layouts: what its folder must hold.
        where: where to get it, and on what terms.
        readers: one per layout, tried in turn.
    """

    title: str
    layouts: str
    where: str
    readers: tuple[Reader, ...]


KINDS: dict[str, Kind] = {
    "psb": Kind(
        "Labelled Princeton Segmentation Benchmark",
        "ID.off with ID_labels.txt, ID.seg or ID.txt (also in off/ and labels/ or seg/), "
        "or categories.json with npz/ID.npz",
        "meshes: https://segeval.cs.princeton.edu; labels: "
        "https://people.cs.umass.edu/~kalo/papers/LabelMeshes (research use)",
        (psb.read_npz, psb.read_files),
    ),
    "coseg": Kind(
        "COSEG",
        "train/, test/ and seg/*.eseg as in MeshCNN, or shapes/ID.off and gt/ID.seg",
        "https://github.com/ranahanocka/MeshCNN, scripts/coseg_seg/get_data.sh, or "
        "http://irc.cs.sdu.edu.cn/~yunhai/public_html/ssl/ssd.htm (research use)",
        (segmented.read_meshcnn, segmented.read_coseg),
    ),
    "humans": Kind(
        "human bodies of Maron et al. 2017",
        "meshes/{train,test} and segs/{train,test} (the folder sig17_seg_benchmark), or train/, test/ "
        "and seg/*.eseg as in MeshCNN",
        "the link in https://github.com/nmwsharp/diffusion-net, "
        "experiments/human_segmentation_original/README.md, or "
        "https://github.com/ranahanocka/MeshCNN, scripts/human_seg/get_data.sh (research use; parts "
        "come from FAUST and SCAPE, which have terms of their own)",
        (segmented.read_bodies, segmented.read_meshcnn_bodies),
    ),
    "faust": Kind(
        "FAUST",
        "training/registrations/tr_reg_000.ply …, or the remeshed shapes/*.off and "
        "correspondences/*.vts",
        "https://faust-leaderboard.is.tuebingen.mpg.de after registration (no redistribution); "
        "remeshed: the link in https://github.com/nmwsharp/diffusion-net, "
        "experiments/functional_correspondence/README.md",
        (faust.read_registrations, faust.read_remeshed),
    ),
    "shrec11": Kind(
        "SHREC 2011 non-rigid shapes",
        "CLASS/train/*.obj and CLASS/test/*.obj (shrec_16 of MeshCNN), or T0.off … and categories.txt",
        "https://github.com/ranahanocka/MeshCNN, scripts/shrec/get_data.sh, or the link in "
        "https://github.com/nmwsharp/diffusion-net, experiments/classification_shrec11/README.md",
        (shrec11.read_class_folders, shrec11.read_category_list),
    ),
    "rna": Kind(
        "RNA surfaces",
        "off/ID.off, labels/ID.txt, train.txt and test.txt, or npz/ID.npz instead of the first two",
        "https://github.com/nmwsharp/RNA-Surface-Segmentation-Dataset (MIT licence)",
        (rna.read_npz, rna.read_files),
    ),
}
"""By the name that `gaugeconv data convert` takes."""

WITH_CATEGORIES = ("psb", "coseg")
"""Sets of which one category is taken."""

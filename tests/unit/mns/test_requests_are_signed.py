"""Signatures of version 1 and 4."""

from __future__ import annotations

import base64
import calendar
import hashlib
import hmac
import time

import pytest

from eventing_alibaba.sources.mns.signature import v1, v4


@pytest.mark.parametrize(
    ("key", "secret", "method", "path", "query", "headers", "moment", "region", "expected"),
    [
        (
            "ak1",
            "sk1",
            "POST",
            "/queues/TestQueue/",
            {"param1": "abc", "PARAM2": "d  ef", "PARAM3": "[def]#bbb", "PARAM4": "中文参数"},
            {},
            "20250603T105235Z",
            "region1",
            "1fc6013f158d4c3aba09570895a2a93c8445c2c5213d82a1463baf602cf0d945",
        ),
        (
            "akkkkk1111111111",
            "skkkkkkk1111111111",
            "PUT",
            "/queues/TestQueue123456",
            {},
            {"x-mns-abc": "kkk", "X-MNS-Sss": "2015-06-06xFFF", "x-kkk-def": "jjj"},
            "20251203T112348Z",
            "region2",
            "04f1e5f929b5aaac3af6a54970f591581ecd2aade2562f926c5f2ec5d5c8cfad",
        ),
        (
            "akkkkk222222222",
            "skkkkkk2222222222",
            "GET",
            "/queues",
            {},
            {
                "x-mns-version": "2015-06-30",
                "x-mns-ttt": "1",
                "X-MNS-UUUuu": "FALse",
                "Content-Type": "application/json",
                "Content-MD5": "0d9d2ce750000593eb34f00",
            },
            "20251204T063235Z",
            "eu-west-1",
            "294f776a2d5726df679b54b081ab8126a199a2545c8c8a7a875adff0b386e458",
        ),
        (
            "testAk",
            "testSk",
            "POST",
            "/queues/Test Queue@123",
            {},
            {},
            "20250603T105235Z",
            "testRegion",
            "87de7499365a31e767cdc0c726a893c72c860e415876f7f92914197ac3795833",
        ),
    ],
)
def test_version_4_is_that_of_the_official_client(
    key: str,
    secret: str,
    method: str,
    path: str,
    query: dict[str, str],
    headers: dict[str, str],
    moment: str,
    region: str,
    expected: str,
) -> None:
    """The four vectors that Alibaba's own client is tested with come out."""
    made = v4(
        key,
        secret,
        method=method,
        path=path,
        query=query.items(),
        headers=headers,
        moment=calendar.timegm(time.strptime(moment, "%Y%m%dT%H%M%SZ")),
        region=region,
    )
    scope = f"{key}/{moment[:8]}/{region}/mns/aliyun_v4_request"
    assert made == f"MNS4-HMAC-SHA256 Credential={scope},Signature={expected}"


def test_version_1_signs_the_line_as_it_is_sent() -> None:
    """Method, type, date, own headers in order, and the resource with its escapes."""
    made = v1(
        "id",
        "secret",
        method="PUT",
        resource="/queues/q/messages?receiptHandle=1%2F2&visibilityTimeout=30",
        headers={"x-mns-version": "2015-06-06", "Content-Type": "text/xml", "X-MNS-A": "b"},
        date="Wed, 08 Mar 2012 12:00:00 GMT",
    )
    text = (
        "PUT\n\ntext/xml\nWed, 08 Mar 2012 12:00:00 GMT\nx-mns-a:b\nx-mns-version:2015-06-06\n"
        "/queues/q/messages?receiptHandle=1%2F2&visibilityTimeout=30"
    )
    digest = hmac.new(b"secret", text.encode(), hashlib.sha1).digest()
    assert made == f"MNS id:{base64.b64encode(digest).decode()}"

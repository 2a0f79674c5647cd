"""The look of pages: one style sheet, in light and dark, that a page carries with itself."""

import base64
import hashlib

CSS = """
.driftline{--ink:#1f2933;--faint:#52606d;--paper:#f5f7fa;--card:#fff;--line:#e4e7eb;--red:#c62828;--amber:#9a5b00;
--green:#1b7a43;--baseline:#9aa5b1;--current:#2f6fb2;color:var(--ink);line-height:1.5;
font-family:system-ui,-apple-system,Segoe UI,Roboto,Helvetica,Arial,sans-serif}
@media(prefers-color-scheme:dark){.driftline{--ink:#e4e7eb;--faint:#9aa5b1;--paper:#12181f;--card:#1c242d;
--line:#323f4b;--red:#ff7b72;--amber:#f0b429;--green:#57d38c;--baseline:#7b8794;--current:#61a5e8}}
body.driftline{margin:0;background:var(--paper)}
.driftline main{max-width:1240px;margin:0 auto;padding:32px 24px 64px}
.driftline h1{font-size:30px;line-height:1.2;margin:10px 0 6px;letter-spacing:-.01em}
.driftline h2{font-size:19px;margin:36px 0 12px}
.driftline h3{font-size:16px;margin:0;overflow-wrap:anywhere}
.driftline p{margin:0 0 8px}
.driftline .faint{color:var(--faint)}
.driftline .verdict{display:inline-block;padding:1px 10px;border-radius:99px;font-size:12.5px;font-weight:600;
border:1px solid currentColor;white-space:nowrap}
.driftline .bad{color:var(--red)}.driftline .warn{color:var(--amber)}.driftline .good{color:var(--green)}
.driftline .unknown{color:var(--faint)}
.driftline .cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,480px),1fr));gap:18px}
.driftline .card{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:18px 20px;margin:0}
.driftline .card header{display:flex;justify-content:space-between;gap:12px;align-items:start;margin-bottom:6px}
.driftline .chart{display:block;width:100%;height:auto;margin-top:6px}
.driftline .chart .ink{fill:var(--ink)}.driftline .chart .faint{fill:var(--faint)}
.driftline .chart .baseline{fill:var(--baseline)}.driftline .chart .current{fill:var(--current)}
.driftline .chart .moved{fill:var(--red)}
.driftline .card>svg{display:block;max-width:100%;height:auto;margin-top:6px}
.driftline svg [fill="#1f2933"]{fill:var(--ink)}.driftline svg [stroke="#1f2933"]{stroke:var(--ink)}
.driftline svg [fill="#616e7c"]{fill:var(--faint)}.driftline svg [stroke="#616e7c"]{stroke:var(--faint)}
.driftline svg [fill="#c62828"]{fill:var(--red)}.driftline svg [stroke="#c62828"]{stroke:var(--red)}
.driftline svg [fill="#2f6fb2"]{fill:var(--current)}.driftline svg [stroke="#2f6fb2"]{stroke:var(--current)}
.driftline .instant{white-space:nowrap}.driftline figcaption{font-size:14px}
.driftline details.warn summary{color:var(--amber)}
.driftline details{margin-top:8px;font-size:13px}.driftline summary{cursor:pointer;color:var(--faint)}
.driftline .scroll{overflow-x:auto;background:var(--card);border:1px solid var(--line);border-radius:12px}
.driftline table{border-collapse:collapse;width:100%;font-size:13.5px}
.driftline th,.driftline td{text-align:left;padding:7px 14px;border-top:1px solid var(--line);vertical-align:top}
.driftline thead th{border-top:0;color:var(--faint);font-weight:600;white-space:nowrap}
.driftline tbody th{font-weight:600;min-width:7em;overflow-wrap:anywhere}
.driftline td.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.driftline th.number{text-align:right}
.driftline ul{margin:0;padding-left:20px}
.driftline footer{margin-top:40px;font-size:13px;color:var(--faint)}
"""


def content_security_policy() -> str:
    """Nothing may be loaded or run; this style sheet alone applies."""
    digest = base64.b64encode(hashlib.sha256(CSS.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"

"""The listener: which filters a call passes. Pure."""

from __future__ import annotations

from typing import Any, Final

from graphwarden.twin.resources import ASSISTANT_HEADER, METADATA, Resource, follow, typed
from graphwarden.twin.routes import NAME

_LISTENER: Final = "envoy.config.listener.v3.Listener"
_FILTERS: Final = "envoy.extensions.filters.http"
_MANAGER: Final = (
    "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
)
# The body's assistant becomes the header that routes are chosen by.
_LUA: Final = f"""
function envoy_on_request(handle)
  local found = handle:streamInfo():dynamicMetadata():get("{METADATA}")
  if found ~= nil and found["assistant"] ~= nil then
    handle:headers():replace("{ASSISTANT_HEADER}", found["assistant"])
    handle:clearRouteCache()
  end
end
"""


def make_listener(host: str, port: int, max_body_bytes: int, folder: str) -> Resource:
    """A listener for plain HTTP."""
    manager = typed(
        _MANAGER,
        stat_prefix="graphwarden",
        codec_type="HTTP1",
        # The way runs wait: for as long as they like, once the request is there.
        stream_idle_timeout="0s",
        request_headers_timeout="10s",
        common_http_protocol_options={"idle_timeout": "0s", "max_headers_count": 100},
        use_remote_address=False,
        skip_xff_append=True,
        generate_request_id=False,
        normalize_path=False,
        server_header_transformation="PASS_THROUGH",
        rds={"route_config_name": NAME, "config_source": follow("routes.json", folder)},
        http_filters=make_filters(),
    )
    network = {"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}
    return typed(
        _LISTENER,
        name="calls",
        address={"socket_address": {"address": host, "port_value": port}},
        # The most that is kept of a body while its assistant is looked for: more is a 413.
        per_connection_buffer_limit_bytes=max_body_bytes,
        tcp_backlog_size=4096,
        filter_chains=[{"filters": [network]}],
    )


def make_filters() -> list[Resource]:
    """The filters. A call that names its graph in the header skips those that read the body."""
    reading = typed(
        f"{_FILTERS}.json_to_metadata.v3.JsonToMetadata",
        request_rules={
            "rules": [
                {
                    "selectors": [{"key": "assistant_id"}],
                    "on_present": {"metadata_namespace": METADATA, "key": "assistant"},
                }
            ]
        },
    )
    naming = typed(f"{_FILTERS}.lua.v3.Lua", default_source_code={"inline_string": _LUA})
    router = typed(f"{_FILTERS}.router.v3.Router", suppress_envoy_headers=True)
    return [
        _unless_named("read-assistant", reading),
        _unless_named("name-assistant", naming),
        {"name": "envoy.filters.http.router", "typed_config": router},
    ]


def _unless_named(name: str, config: Resource) -> Resource:
    skip: dict[str, Any] = {
        "name": "skip",
        "typed_config": typed("envoy.extensions.filters.common.matcher.action.v3.SkipFilter"),
    }
    seen = {
        "name": "named",
        "typed_config": typed(
            "envoy.type.matcher.v3.HttpRequestHeaderMatchInput", header_name=ASSISTANT_HEADER
        ),
    }
    named = {"input": seen, "value_match": {"safe_regex": {"regex": ".+", "google_re2": {}}}}
    matchers = [{"predicate": {"single_predicate": named}, "on_match": {"action": skip}}]
    return {
        "name": name,
        "typed_config": typed(
            "envoy.extensions.common.matching.v3.ExtensionWithMatcher",
            extension_config={"name": name, "typed_config": config},
            xds_matcher={"matcher_list": {"matchers": matchers}},
        ),
    }

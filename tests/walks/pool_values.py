"""What no schema says of a GraphPool's fields. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from walks.hand import Hand

_DEPLOYMENT: Final = ("Deployment",)
_POLICY: Final = ("NetworkPolicy",)
_AUTOSCALER: Final = ("HorizontalPodAutoscaler",)
_MANUAL: Final = {"scaling": {"mode": "None"}}
_PEER: Final = {"ipBlock": {"cidr": "10.1.0.0/16"}}
_DURATIONS: Final = {
    "parts": "1h2m3s4ms",
    "none": "0s",
    "least": "1ms",
    "longest": "000000000000015m",
    "age of the world": "999999999999999h",
}
_WAIT = Hand(good={"changed": "45s", **_DURATIONS})


def _many(count: int, key: str = "name", **rest: Any) -> list[dict[str, Any]]:
    return [{key: f"N{index}", **rest} for index in range(count)]


POOL: Final[Mapping[str, Hand]] = {
    "worker.image": Hand(
        good={"changed": "registry.example/graphs:2", "digest": "r/g@sha256:" + "a" * 64},
        hard={"longest": "r/" + "g" * 510, "unicode": "zürich/日本:1", "spaces": " r/g:1 "},
        bad={"empty": ""},
        shows=_DEPLOYMENT,
    ),
    "worker.imagePullPolicy": Hand(shows=_DEPLOYMENT),
    "worker.preflight": Hand(),
    "worker.resources": Hand(
        good={
            "changed": {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"memory": "2Gi"}},
            "numbers": {"requests": {"cpu": 0.5, "memory": 268435456}},
            "other spellings": {"requests": {"cpu": "0.50", "memory": "1e9", "x.org/y": "1"}}
            | {"limits": {"x.org/y": 1}},
            "tiny": {"requests": {"cpu": "0.0001"}},
            "claims": {"claims": []},
            "none": {},
        },
        bad={
            "a word": {"requests": {"cpu": "much"}},
            "above the limit": {"requests": {"cpu": "2"}, "limits": {"cpu": "1"}},
            "unknown": {"wishes": {"cpu": "1"}},
            "wrong shape": {"requests": "1"},
            "negative": {"requests": {"cpu": "-1"}},
        },
        shows=_DEPLOYMENT,
    ),
    "worker.envFrom": Hand(
        good={
            "changed": [{"secretRef": {"name": "smtp"}}],
            "two": [
                {"configMapRef": {"name": "a", "optional": False}},
                {"prefix": "P_"} | {"secretRef": {"name": "b", "optional": True}},
            ],
            "most": [{"secretRef": {"name": f"s{i}"}} for i in range(64)],
        },
        bad={"empty item": [{}], "wrong shape": [{"secretRef": "smtp"}]},
        shows=_DEPLOYMENT,
    ),
    "worker.env": Hand(
        good={
            "changed": [{"name": "LANG", "value": "C"}],
            "empty value": [{"name": "LANG", "value": ""}],
            "no value": [{"name": "LANG"}],
            "null value": [{"name": "LANG", "value": None}],
            "unicode": [{"name": "GRUSS", "value": "日本 🌍"}],
            "field": [{"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}],
            "ours": [{"name": "GRAPHWARDEN_PORT", "value": "9000"}],
            "resource": [
                {"name": "M", "valueFrom": {"resourceFieldRef": {"resource": "limits.memory"}}}
            ],
            "optional": [
                {
                    "name": "S",
                    "valueFrom": {"secretKeyRef": {"name": "a", "key": "b", "optional": False}},
                }
            ],
            "most": _many(256, value="1"),
        },
        hard={"twice": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]},
        bad={
            "no name": [{"value": "x"}],
            "number": [{"name": "A", "value": 1}],
            "two sources": [
                {"name": "A", "value": "1", "valueFrom": {"fieldRef": {"fieldPath": "spec.x"}}}
            ],
            "null name": [{"name": None, "value": "1"}],
        },
        shows=_DEPLOYMENT,
    ),
    "worker.serviceAccountName": Hand(
        good={"changed": "mine", "longest": "a" * 253},
        bad={"unicode": "zürich", "spaces": "a b"},
        shows=("Deployment", "ServiceAccount"),
    ),
    "worker.nodeSelector": Hand(
        good={"changed": {"pool": "gpu"}, "empty value": {"pool": ""}},
        bad={"strange": {"a b": "c"}, "unicode": {"zone": "zürich"}},
        shows=_DEPLOYMENT,
    ),
    "worker.tolerations": Hand(
        good={
            "changed": [{"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}],
            "default operator": [{"key": "gpu", "value": "x"}],
            "everything": [{"operator": "Exists"}],
            "seconds": [
                {"key": "a", "operator": "Exists", "effect": "NoExecute"} | {"tolerationSeconds": 0}
            ],
            "empty fields": [{"key": "gpu", "operator": "", "value": "", "effect": ""}],
            "null": [{"key": "gpu", "operator": "Exists", "tolerationSeconds": None}],
            "twice": [{"key": "gpu", "operator": "Exists"}] * 2,
            "most": [{"key": f"k{i}", "operator": "Exists"} for i in range(64)],
        },
        bad={
            "operator": [{"key": "gpu", "operator": "Sometimes"}],
            "unknown": [{"kye": "gpu"}],
            "text for a number": [{"key": "a", "operator": "Exists", "tolerationSeconds": "9"}],
        },
        shows=_DEPLOYMENT,
    ),
    "worker.topologySpreadConstraints": Hand(
        good={
            "changed": [
                {
                    "maxSkew": 1,
                    "topologyKey": "zone",
                    "whenUnsatisfiable": "ScheduleAnyway",
                    "labelSelector": {"matchLabels": {"a": "b"}},
                }
            ],
            "least": [{"maxSkew": 1, "topologyKey": "z", "whenUnsatisfiable": "DoNotSchedule"}],
        },
        bad={"skew": [{"maxSkew": 0, "topologyKey": "z", "whenUnsatisfiable": "DoNotSchedule"}]},
        shows=_DEPLOYMENT,
    ),
    "worker.priorityClassName": Hand(
        good={"changed": "system-cluster-critical"},
        hard={"longest": "a" * 253},
        bad={"unicode": "zürich"},
        shows=_DEPLOYMENT,
    ),
    "worker.podTemplate": Hand(
        good={
            "changed": {"metadata": {"annotations": {"a": "b"}}},
            "quantity": {"spec": {"volumes": [{"name": "v", "emptyDir": {"sizeLimit": "0.5Gi"}}]}},
            "sidecar": {"spec": {"containers": [{"name": "s", "image": "i", "tty": False}]}},
            "defaults": {"spec": {"dnsPolicy": "ClusterFirst", "restartPolicy": "Always"}},
            "false": {"spec": {"hostNetwork": False, "hostUsers": False}},
            "removed": {"spec": {"shareProcessNamespace": None}},
            "labels": {"metadata": {"labels": {"team": "sales", "graphwarden.dev/pool": "x"}}},
            "affinity": {"spec": {"affinity": {"nodeAffinity": {}, "podAffinity": None}}},
            "probe": {
                "spec": {
                    "containers": [{"name": "worker"} | {"livenessProbe": {"periodSeconds": 0}}]
                }
            },
            "null in a sidecar": {
                "spec": {"containers": [{"name": "s", "image": "i"} | {"imagePullPolicy": None}]}
            },
            "empty texts": {
                "spec": {"dnsPolicy": "", "schedulerName": "", "restartPolicy": ""}
                | {"containers": [{"name": "worker", "terminationMessagePolicy": ""}]}
            },
            "host alias": {"spec": {"hostAliases": [{"ip": "10.0.0.1", "hostnames": ["a"]}]}},
            "metadata is null": {"metadata": None},
            "labels are null": {"metadata": {"labels": None}},
            "containers are null": {"spec": {"containers": None}},
            "spec is null": {"spec": None},
        },
        bad={
            "wrong shape": {"spec": {"containers": "none"}},
            "spec is text": {"spec": "text"},
            "metadata is text": {"metadata": "text"},
            "labels are text": {"metadata": {"labels": "text"}},
            "containers are text": {"spec": {"containers": ["text"]}},
            "no name": {"spec": {"containers": [{"image": "i"}]}},
            "unknown": {"spec": {"continers": ["one"]}},
            "number for text": {"spec": {"nodeName": 7}},
        },
        # Without a value it asks for nothing.
        hard={"unknown and empty": {"spec": {"continers": []}}},
        shows=_DEPLOYMENT,
        word="Deployment",
    ),
    "concurrencyPerReplica": Hand(shows=_DEPLOYMENT),
    "replicas": Hand(shows=_DEPLOYMENT, base=_MANUAL),
    "storage.secretRef": Hand(
        good={"changed": {"name": "pg"}, "both": {"name": "pg", "key": "url"}},
        shows=("Deployment", "NetworkPolicy"),
    ),
    "storage.secretRef.name": Hand(
        good={"changed": "other"},
        hard={"longest": "x" * 253},
        bad={"unicode": "zürich", "path": "../x"},
        shows=("Deployment", "NetworkPolicy"),
        base={"storage": {"secretRef": {"name": "pg"}}},
        word="secretKeyRef",
    ),
    "storage.secretRef.key": Hand(
        good={"changed": "url"},
        bad={"unicode": "schlüssel", "path": "../x"},
        hard={"longest": "x" * 253},
        shows=_DEPLOYMENT,
        base={"storage": {"secretRef": {"name": "pg"}}},
        word="secretKeyRef",
    ),
    "scaling.mode": Hand(
        good={"None": "None", "HPA": "HPA"},
        bad={"KEDA": "KEDA"},
        shows=("HorizontalPodAutoscaler", "Deployment"),
        word="keda",
    ),
    "scaling.minReplicas": Hand(
        good={"changed": 2, "none": 0},
        refused={"above the most": 11},
        shows=_AUTOSCALER,
        base={"scaling": {"maxReplicas": 10}},
    ),
    "scaling.maxReplicas": Hand(
        good={"changed": 3},
        refused={"below the least": 1},
        shows=_AUTOSCALER,
        base={"scaling": {"minReplicas": 2}},
    ),
    "scaling.targetInFlightPercent": Hand(),
    "scaling.targetCPUPercent": Hand(shows=_AUTOSCALER),
    "scaling.behavior": Hand(
        good={
            "changed": {"scaleDown": {"stabilizationWindowSeconds": 60}},
            "policies": {
                "scaleUp": {
                    "policies": [{"type": "Pods", "value": 4} | {"periodSeconds": 60}],
                    "selectPolicy": "Max",
                }
            },
            "tolerance": {"scaleDown": {"stabilizationWindowSeconds": 0, "selectPolicy": "Min"}},
            "null": {"scaleUp": None},
        },
        bad={
            "unknown": {"scaleSideways": {}},
            "wrong shape": {"scaleUp": "fast"},
            "window": {"scaleDown": {"stabilizationWindowSeconds": -1}},
        },
        shows=_AUTOSCALER,
    ),
    "scaling.scaleIn": Hand(),
    "admission.maxQueued": Hand(),
    "admission.maxQueuedBytes": Hand(
        good={"changed": "1Gi", "none": "0", "plain": "1000", "longest": "9" * 15 + "G"}
    ),
    "admission.maxWait": _WAIT,
    "admission.coldStartWait": _WAIT,
    "admission.breaker.consecutiveFailures": Hand(),
    "admission.breaker.openFor": _WAIT,
    "drain.maxGracePeriod": Hand(
        good={k: v for k, v in _DURATIONS.items() if k != "age of the world"} | {"day": "24h"},
        hard={"age of the world": _DURATIONS["age of the world"]},
        shows=_DEPLOYMENT,
    ),
    "disruption.maxUnavailable": Hand(
        good={"changed": 2, "none": 0, "percent": "50%", "all": "100%", "zero percent": "0%"},
        bad={"a word": "some", "negative": -1, "above": "101%", "text": "2", "empty": ""},
        hard={"large": 2**31 - 1, "too large": 2**31, "real": "1.5%"},
        shows=("PodDisruptionBudget",),
    ),
    "network.isolation": Hand(shows=_POLICY),
    "network.egress": Hand(
        good={
            "changed": [{"to": [_PEER], "ports": [{"protocol": "TCP", "port": 443}]}],
            "everywhere": [{}],
            "named port": [{"ports": [{"port": "https"}]}],
            "range": [{"ports": [{"protocol": "TCP", "port": 1000, "endPort": 2000}]}],
            "null": [{"to": None, "ports": [{"port": 443}]}],
            "most": [{"ports": [{"port": 1000 + i}]} for i in range(64)],
        },
        bad={
            "block": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/99"}}]}],
            "to is text": [{"to": "world"}],
            "to is a number": [{"to": 5}],
            "to is an object": [{"to": _PEER}],
            "peer is text": [{"to": ["world"]}],
            "except is text": [{"to": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": "no"}}]}],
            "except is a number": [{"to": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": 7}}]}],
            "unknown": [{"form": []}],
        },
        shows=_POLICY,
    ),
    "network.ingress": Hand(
        good={
            "changed": [{"from": [_PEER], "ports": [{"protocol": "TCP", "port": 8000}]}],
            "everywhere": [{}],
            "null": [{"from": None}],
        },
        bad={"unknown": [{"form": []}], "from is text": [{"from": "world"}]},
        shows=_POLICY,
    ),
    "paused": Hand(),
}

"""What `create` asks of the engine and prints, line by line, as the golden file has it."""

from pathlib import Path

from handlers.catalogue import load
from handlers.faults import Conflict, EngineFault, NotFound
from tests.fakes.engine import Turns
from tests.fakes.played import played, same_as_golden

GOLDEN = Path(__file__).resolve().parents[2] / "golden/container/create.txt"
MADE = {"Id": "4f0c" * 16, "Warnings": []}
NO_IMAGE = NotFound("No such image: app:1")
PULLED = [{"status": "Pulling from library/app", "id": "1"}, {"status": "Status: Downloaded newer image"}]
OLD, NEW = (1, 41), (1, 50)


def creates(*answers):
    return {("POST", "/containers/create"): Turns(answers)}


def pulls(*messages):
    return {("POST", "/images/create"): messages}


LINES = [
    "docker container create busybox",
    "docker create -it --name web busybox sh -c 'echo hi'",
    "docker create -a stdin -i busybox",
    "docker create -m 1g --memory-swap 2g --memory-reservation 512m --cpus 1.5 --pids-limit 100 busybox",
    "docker create --cpu-period 1 --cpu-quota 2 --cpu-rt-period 3 --cpu-rt-runtime 4 -c 5 busybox",
    "docker create --cpuset-cpus 0,1 --cpuset-mems 0 --shm-size 64m --memory-swappiness 0 busybox",
    "docker create --blkio-weight 300 --blkio-weight-device /dev/sda:200 busybox",
    "docker create --device-read-bps /dev/a:1mb --device-write-bps /dev/a:2k busybox",
    "docker create --device-read-iops /dev/a:10 --device-write-iops /dev/a:20 busybox",
    "docker create --ulimit nofile=1:2 --ulimit core=0 --ulimit nofile=3 busybox",
    "docker create --oom-kill-disable --oom-score-adj -500 busybox",
    "docker create --device /dev/null:/dev/x:r --device vendor.com/net=a --gpus all busybox",
    "docker create --device-cgroup-rule 'c 1:3 rwm' --cap-add bpf --cap-add ALL --cap-drop kill busybox",
    "docker create --security-opt systempaths=unconfined --security-opt no-new-privileges busybox",
    "docker create --pid host --ipc container:db --uts host --userns host --cgroupns private busybox",
    "docker create --privileged --runtime runc --isolation default --cgroup-parent /x busybox",
    "docker create --sysctl net.ipv4.ip_forward=1 --group-add 1000 --group-add app busybox",
    "docker create --health-cmd 'curl -f /' --health-interval 1m30s --health-retries 3 busybox",
    "docker create --health-timeout 2s --health-start-period 5s busybox",
    "docker create --no-healthcheck busybox",
    "docker create --log-driver local --log-opt max-size=1m --log-opt compress busybox",
    "docker create --stop-signal INT --stop-timeout 30 --init=false busybox",
    "docker create -v data:/d:ro -v /anon -v /tmp:/t --volumes-from db:ro --volume-driver local busybox",
    "docker create --mount type=bind,src=/a,dst=/b,ro --mount dst=/c --tmpfs /run:size=1m busybox",
    "docker create --read-only --storage-opt size=1G --use-api-socket busybox",
    "docker create --net front --network-alias a --ip 10.0.0.9 --ip6 ::9 --link db:d --link cache busybox",
    "docker create --link db --dns 127.0.0.53 --dns-option ndots:2 --dns-search example.com. busybox",
    "docker create --network front --network name=back,alias=b --link-local-ip 169.254.1.1 busybox",
    "docker create -h box --domainname example.com --add-host db=::1 --expose 80-81 -p 8080:80 busybox",
    "docker create --kernel-memory 1g busybox",
]
BIND = "type=bind,src=/a,dst=/b,readonly,bind-propagation=rprivate,bind-recursive=readonly"
ON = [
    ("docker create --kernel-memory 1g busybox", NEW),
    ("docker create --annotation a=b --annotation c busybox", NEW),
    ("docker create --annotation a=b --health-start-interval 1s busybox", OLD),
    ("docker create --health-start-interval 1s busybox", NEW),
    ("docker create --mac-address 02:42:ac:11:00:99 busybox", NEW),
    ("docker create --mac-address 02:42:ac:11:00:99 busybox", OLD),
    ("docker run -d --mac-address 02:42:ac:11:00:99 busybox", OLD),
    (f"docker create --mount {BIND} busybox", NEW),
    (f"docker create --mount {BIND} busybox", OLD),
    (f"docker run -d --mount {BIND} busybox", OLD),
]
ENDINGS = [
    ("docker create app:1", creates(NO_IMAGE, MADE) | pulls(*PULLED)),
    ("docker create -q app:1", creates(NO_IMAGE, MADE) | pulls(*PULLED)),
    ("docker create --pull always --platform Linux/arm/7 app:1", creates(MADE) | pulls(*PULLED)),
    ("docker create --pull never app:1", creates(NO_IMAGE)),
    ("docker create app:1", creates(NO_IMAGE) | pulls({"errorDetail": {"message": "denied"}})),
    (f"docker create sha256:{'ab' * 32}", creates(NO_IMAGE)),
    ("docker create --name web busybox", creates(Conflict("The name is in use"))),
    ("docker create busybox", creates({**MADE, "Warnings": ["No swap limit support"]})),
    (
        "docker create --mount type=bind,src=/a,dst=/b,bind-nonrecursive --volume-driver x busybox",
        creates(MADE),
    ),
    ("docker create --cpus 1000 busybox", creates(EngineFault("Range of CPUs is from 0.01 to 2.00"))),
]


def test_requests_and_text_are_those_of_the_golden_file():
    cases = [
        *((line, creates(MADE), OLD) for line in LINES),
        *((line, creates(MADE), api) for line, api in ON),
        *((line, answers, OLD) for line, answers in ENDINGS),
    ]
    text = "\n".join(played(line, answers, load(), api=api) for line, answers, api in cases)
    assert same_as_golden(GOLDEN, text)

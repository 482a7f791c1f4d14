"""The demo, as `make demo` runs it."""

import os
import subprocess
import sys

import docker


def test_the_demo_ends_well_and_leaves_a_bystander_alone(docker_host, image):
    client = docker.APIClient(base_url=docker_host, version="auto")
    there = client.containers(all=True, filters={"name": "^/web$"})
    web = None if there else client.create_container(image, ["sleep", "300"], name="web")
    try:
        if web:
            client.start(web["Id"])
        before = client.inspect_container("web")
        environ = {**os.environ, "DOCKER_HOST": docker_host, "DOCKTALK_IMAGE": image}
        demo = [sys.executable, "-m", "bot.trial.demo"]
        done = subprocess.run(demo, env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "docker container restart --timeout 2" in done.stdout
        assert client.inspect_container("web")["State"] == before["State"]
        assert client.containers(all=True, filters={"label": "org.docktalk.demo"}) == []
    finally:
        if web:
            client.remove_container(web["Id"], force=True)
        client.close()

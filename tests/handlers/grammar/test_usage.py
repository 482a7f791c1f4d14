from handlers.grammar import usage
from tests.handlers.grammar.sample import CATALOGUE, Ls, NetworkCreate, Rename, Restart, Run


def test_the_help_of_a_command_looks_as_in_the_cli():
    assert usage.text(Restart, "restart") == (
        "Usage:  docker restart [OPTIONS] CONTAINER [CONTAINER...]\n"
        "\n"
        "Restart one or more containers\n"
        "\n"
        "Aliases:\n"
        "  docker container restart, docker restart\n"
        "\n"
        "Options:\n"
        "  -s, --signal string   Signal to send to the container\n"
        "  -t, --timeout int     Seconds to wait before killing the container\n"
    )


def test_long_help_is_wrapped_as_in_the_cli():
    assert usage.text(Ls, "container ls").partition("Options:\n")[2] == (
        "  -a, --all             Show all containers (default shows just running)\n"
        "  -f, --filter filter   Filter output based on conditions provided\n"
        "  -n, --last int        Show n last created containers (includes all\n"
        "                        states) (default -1)\n"
        "      --no-trunc        Don't truncate output\n"
        "  -q, --quiet           Only display container IDs\n"
        "  -s, --size            Display total file sizes\n"
    )


def test_a_command_without_options_and_short_forms_has_neither_part():
    text = usage.text(Rename, "container rename")
    assert text.startswith("Usage:  docker container rename CONTAINER NEW_NAME\n\nRename a container\n")
    assert "Options:" not in text
    assert "Aliases:" not in usage.text(NetworkCreate, "network create")


def test_the_options_of_run_look_as_in_the_cli():
    text = usage.text(Run, "run")
    expected = """
      --add-host list                    Add a custom host-to-IP mapping
                                         (host:ip)
  -a, --attach list                      Attach to STDIN, STDOUT or STDERR
      --blkio-weight uint16              Block IO (relative weight),
                                         between 10 and 1000, or 0 to
                                         disable (default 0)
  -c, --cpu-shares int                   CPU shares (relative weight)
      --cpus decimal                     Number of CPUs
  -d, --detach                           Run container in background and
                                         print container ID
      --dns list                         Set custom DNS servers
  -e, --env list                         Set environment variables
      --health-start-interval duration   Time between running the check
                                         during the start period
                                         (ms|s|m|h) (default 0s)
      --help                             Print usage
  -h, --hostname string                  Container host name
  -i, --interactive                      Keep STDIN open even if not attached
  -l, --label list                       Set meta data on a container
  -m, --memory bytes                     Memory limit
      --memory-swap bytes                Swap limit equal to memory plus
                                         swap: '-1' to enable unlimited swap
      --name string                      Assign a name to the container
      --network network                  Connect a container to a network
      --privileged                       Give extended privileges to this
                                         container
  -p, --publish list                     Publish a container's port(s) to
                                         the host
      --restart string                   Restart policy to apply when a
                                         container exits (default "no")
      --rm                               Automatically remove the
                                         container and its associated
                                         anonymous volumes when it exits
      --sig-proxy                        Proxy received signals to the
                                         process (default true)
  -t, --tty                              Allocate a pseudo-TTY
"""
    assert text.partition("Options:")[2] == expected


def test_a_text_of_several_lines_keeps_them():
    text = (
        "Format output using a custom template:\n'json':             Print in JSON format\nRefer to the docs"
    )
    assert usage.wrap(text, 24) == (
        "Format output using a custom template:\n"
        "                        'json':             Print in JSON format\n"
        "                        Refer to the docs"
    )


def test_help_that_has_no_room_beside_its_option_stands_below_it():
    assert usage.wrap("word " * 20 + "end", 60) == (
        "\n                word word word word word word word word word word word"
        "\n                word word word word word word word word word end"
    )


def test_a_word_without_a_blank_is_not_broken():
    assert usage.wrap("x" * 200, 24) == "x" * 200


def test_a_group_lists_its_commands_in_order():
    assert usage.group("network", CATALOGUE.commands) == (
        "Usage:  docker network COMMAND\n"
        "\n"
        "Manage networks\n"
        "\n"
        "Commands:\n"
        "  create      Create a network\n"
        "  disconnect  Disconnect a container from a network\n"
        "\n"
        "Run 'docker network COMMAND --help' for more information on a command.\n"
    )


def test_the_overview_lists_only_what_it_is_given():
    assert usage.overview([Restart, Ls]) == (
        "Usage:  docker [OPTIONS] COMMAND\n"
        "\n"
        "A self-sufficient runtime for containers\n"
        "\n"
        "Common Commands:\n"
        "  ps          List containers\n"
        "\n"
        "Management Commands:\n"
        "  container   Manage containers\n"
        "\n"
        "Commands:\n"
        "  restart     Restart one or more containers\n"
        "\n"
        "Global Options:\n"
        "  -H, --host string   Docker host to run the command on\n"
        "\n"
        "Run 'docker COMMAND --help' for more information on a command.\n"
    )


def test_the_overview_of_nothing_is_still_help():
    text = usage.overview([])
    assert "Commands:" not in text
    assert "-H, --host" in text


def test_aliases_inside_a_group_show_as_the_path():
    assert usage.spelled(Ls, "container list") == "container ls"
    assert usage.spelled(Ls, "ps") == "ps"
    assert usage.spelled(Ls, "container ls") == "container ls"

"""Commands on pretrained weights.

Exit codes: 0 success, 1 a mistake or a failed check (one line says which, without a traceback), 2 wrong usage.
"""

import sys
import warnings
from typing import Annotated

import typer

from keras_sslzoo.hub import local, publish
from keras_sslzoo.hub.errors import WeightsError
from keras_sslzoo.hub.manifest import COLUMNS, list_pretrained, manifest_path, parse_manifest

app = typer.Typer(
    name="sslzoo",
    help="Pretrained self-supervised and generative models for Keras 3.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Name = Annotated[str, typer.Argument(help="A name of `sslzoo pretrained`, hf://org/repo[@revision], or a folder.")]
Token = Annotated[bool, typer.Option("--token", help="Send the token that `hf auth login` stored.")]


@app.command()
def pretrained(method: Annotated[str | None, typer.Option(help="Only those of one method, e.g. SimCLR.")] = None):
    """Show the pretrained weights: method, network, data, size, licence, score."""
    from rich.console import Console
    from rich.table import Table

    names = list_pretrained(method)
    if not names:
        raise ValueError(
            f"`--method` must be a method with pretrained weights. Received: {method!r}. `sslzoo pretrained` shows all."
        )
    if not sys.stdout.isatty():
        typer.echo(repr(names))  # whole lines, for `grep`
        return
    table = Table(*COLUMNS)
    for row in names.rows():
        table.add_row(*row)
    Console().print(table)


@app.command()
def download(
    name: Name,
    revision: Annotated[str | None, typer.Option(help="Commit, branch or tag of an hf:// repository.")] = None,
    token: Token = False,
    accept_license: Annotated[
        bool, typer.Option("--accept-license", help="Accept a licence that asks for it.")
    ] = False,
):
    """Fetch weights, verified, so that they load without a network."""
    for path in local.download(name, revision, token, accept_license):
        typer.echo(path)


@app.command()
def verify(name: Annotated[str | None, typer.Argument(help="One entry; all of them by default.")] = None):
    """Hash again what of the weights is on this machine."""
    found = local.verify(name)
    for entry, path, problem in found:
        typer.echo(
            f"{'ok     ' if problem is None else 'CORRUPT'}  {entry}  {path}" + (f"  {problem}" if problem else "")
        )
    wrong = sum(problem is not None for *_, problem in found)
    typer.echo(f"{len(found) - wrong} files are right, {wrong} are not.")
    raise typer.Exit(code=min(wrong, 1))


@app.command("publish")
def publish_(
    org: Annotated[str, typer.Option(help="User or organisation of the Hub that gets the repositories.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be uploaded, and upload nothing.")
    ] = False,
    private: Annotated[bool, typer.Option("--private", help="Make private repositories.")] = False,
):
    """Upload every bundled entry with its card, and write the receipts into the manifest."""
    path = manifest_path()
    manifest = parse_manifest(path.read_bytes())
    waiting = publish.plan(manifest, org)
    for name, repo_id in waiting:
        size = sum(file["size"] for file in manifest["weights"][name]["files"])
        typer.echo(f"{name} -> {repo_id}  {len(manifest['weights'][name]['files'])} files, {size / 1e6:.1f} MB")
    if dry_run or not waiting:
        typer.echo(f"{len(waiting)} to upload." if waiting else "Every bundled entry has a receipt.")
        return
    for name, receipt in publish.publish(path, org, private=private).items():
        typer.echo(f"{name}: {receipt['repo_id']}@{receipt['revision']}")


def main(args=None):
    """Run the command line; returns nothing and exits with its code."""
    warnings.showwarning = lambda message, *_: typer.echo(f"Warning: {message}", err=True)
    try:
        app(args)
    except (WeightsError, ValueError, OSError) as error:
        typer.echo(f"Error: {error}", err=True)
        sys.exit(1)

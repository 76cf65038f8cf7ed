"""`newstance label`: the labelling page on a local port."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence

import pandas as pd
import uvicorn
from fastapi import FastAPI

from newstance.labelling.app import create_app
from newstance.labelling.champion import Champion
from newstance.labelling.desk import Desk
from newstance.labelling.queue import Queue
from newstance.labelling.schemas import ProjectOut, TaskOut, Who
from newstance.models.mentions import read_aliases
from newstance.scheme import Scheme
from newstance.serving import records
from newstance.serving.protocol import with_header_timeout
from newstance.serving.server import listen
from newstance.serving.settings import ServingSettings
from newstance.settings import BUNDLE, Settings

logger = logging.getLogger(__name__)


def serve(
    settings: Settings, chosen: Who, tasks: Sequence[str], queue: Queue, articles: pd.DataFrame, port: int
) -> None:
    """Serve the page until Ctrl+C.

    Parameters
    ----------
    chosen
        What the page begins with.
    tasks
        The schemes that can be labelled.
    queue, articles
        What comes in which order, of these articles.
    port
        On this machine; 0 takes a free one.

    Raises
    ------
    NewstanceError
        When an annotation file breaks its scheme, the bundle is damaged or the port is taken.
    """
    app = make_app(settings, chosen, tasks, queue, articles)
    log = logging.StreamHandler(sys.stderr)
    log.setLevel(logging.ERROR)  # a request a line would hide what matters
    records.configure(log)
    with listen(ServingSettings(port=port)) as listener:
        logger.info("Label at http://%s:%d; Ctrl+C ends it.", *listener.getsockname()[:2])
        make_server(app).run(sockets=[listener])


def make_server(app: FastAPI) -> uvicorn.Server:
    """Return a server of the application, to run on a socket that listens."""
    http = with_header_timeout(ServingSettings().header_seconds)
    return uvicorn.Server(
        uvicorn.Config(app, http=http, ws="none", log_config=None, access_log=False, server_header=False)
    )


def make_app(settings: Settings, chosen: Who, tasks: Sequence[str], queue: Queue, articles: pd.DataFrame) -> FastAPI:
    """Build the application of a project; see `serve`."""
    schemes = settings.labels.load_schemes()
    champion = Champion(BUNDLE)
    labels = settings.labels
    aliases = read_aliases(labels.directory / "aliases.yaml")
    desks = {
        task: Desk(schemes[task], articles, queue, labels.directory, labels.reference, champion, aliases)
        for task in tasks
    }
    codebook = labels.directory / "codebook.md"
    project = ProjectOut(
        tasks=[_described(schemes[task], champion) for task in tasks],
        articles=len(articles),
        training=list(labels.training),
        reference=labels.reference,
        codebook=codebook.read_text(encoding="utf-8") if codebook.is_file() else "",
        chosen=chosen,
    )
    return create_app(project, desks)


def _described(scheme: Scheme, champion: Champion) -> TaskOut:
    return TaskOut(
        name=scheme.name,
        title=scheme.title,
        has_targets=scheme.has_targets,
        labels=list(scheme.labels),
        secondary=scheme.secondary is not None,
        skip=scheme.skip,
        champion=champion.knows(scheme.name),
    )

"""The process that runs a cluster; `SwiftCluster` starts it and hands the options over by stdin."""

import os
import sys
import warnings

from ..options import EmbeddedError
from .options import ClusterOptions


def main() -> None:
    parent = os.getppid()
    options = ClusterOptions.from_json(sys.stdin.readline())
    warnings.simplefilter("ignore")  # eventlet's notice of its age would be read as an error
    from .supervisor import Supervisor

    try:
        Supervisor(options, parent).serve()
    except EmbeddedError as error:
        sys.exit(str(error))
    except OSError as error:  # such as a full disk
        sys.exit(f"cannot use {options.data_dir} for data: {error.strerror or error}")


main()

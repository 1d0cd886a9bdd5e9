# Which pictures there are of sessions, and how Snakemake's own report shows them.

from alfvideo.views.report import pictures


def in_report(pattern, category, caption):
    """An output that Snakemake's report shows, by subject, session and camera."""

    def labels(wildcards):
        of = {"session": "/".join(Path(wildcards.session).parts[-2:])}
        return of | ({"camera": wildcards.camera} if "{camera}" in pattern else {})

    return report(
        pattern,
        caption=f"../src/alfvideo/views/report/captions/{caption}.rst",
        category=category,
        subcategory=lambda wildcards: Path(wildcards.session).parts[-3],
        labels=labels,
    )


def pictures_below(root):
    """Input function of a target: the pictures that are there of the selected sessions."""
    folder = Path(root).expanduser().absolute()

    def there(wildcards):
        statuses = statuses_below(folder)
        # With --report nothing is run. Without, they are brought up to date.
        scanned.add(folder)
        cameras = configuration_of(folder).cameras
        return [
            str(picture.file)
            for path in dict.fromkeys(status.session for status in statuses)
            for picture in pictures.pictures(path, cameras)
            if not picture.is_clip
        ]

    return there

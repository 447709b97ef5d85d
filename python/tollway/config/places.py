"""Where a provider is, by what its module declares and the file says: templates with the options filled in."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

from tollway.config.schema_provider import HttpProviderSettings, ProviderSettings
from tollway.providers.contract import Derived, Template, providers

Words = dict[str, str]
_PLACE = re.compile(r"\{(\w+)\}")


def base_url_of(settings: ProviderSettings) -> str | None:
    """Where its API starts; `None` if options that this needs are not given, or it is not asked over HTTP."""
    if isinstance(settings, HttpProviderSettings) and settings.base_url is not None:
        return settings.base_url
    declared = providers()[settings.type].base_url
    return None if declared is None else filled(declared, words_of(settings))


def paths_of(settings: ProviderSettings) -> dict[str, str]:
    """Where what is asked goes under `base_url`, as far as that is not where the dialect has it."""
    words = words_of(settings)
    paths = {name: filled(path, words) for name, path in providers()[settings.type].paths.items()}
    return {name: path for name, path in paths.items() if path is not None}


def region_of(settings: ProviderSettings) -> str | None:
    """Where it is, for data policies, as far as it is known."""
    declared = providers()[settings.type].region
    if settings.region is not None or declared is None or declared.option in unused_of(settings):
        return settings.region
    return None if getattr(settings, "base_url", None) else _derived(declared, words_of(settings))


def words_of(settings: ProviderSettings) -> Words:
    """What stands for each name in the templates of its module."""
    declared = providers()[settings.type]
    options = {option.name: getattr(settings, option.name) for option in declared.options}
    words = {name: value for name, value in options.items() if isinstance(value, str)}
    for name, derived in declared.derived.items():
        word = _derived(derived, words)
        if word is not None:
            words[name] = word
    return words


def missing_of(settings: ProviderSettings) -> list[str]:
    """The options that its address needs and the file does not give."""
    declared = providers()[settings.type]
    if declared.base_url is None or base_url_of(settings) is not None:
        return []
    needed = _names(declared.base_url if isinstance(declared.base_url, str) else declared.base_url[-1])
    words, derived = words_of(settings), declared.derived
    return [derived[name].option if name in derived else name for name in needed if name not in words]


def unused_of(settings: ProviderSettings) -> list[str]:
    """The options that the file gives and that change nothing of its requests."""
    declared = providers()[settings.type]
    own = None if getattr(settings, "base_url", None) else declared.base_url
    quirks = (declared.chat, declared.other, declared.embeddings, declared.count)
    templates = [own, *declared.paths.values(), *(text for one in quirks for text in one.set.values())]
    words = words_of(settings)
    chosen = [_chosen(template, words) or "" for template in templates if template is not None]
    used = {name for template in chosen for name in _names(template)}
    used |= {derived.option for name, derived in declared.derived.items() if name in used}
    given = [option.name for option in declared.options if option.kind == "word" and not option.is_used]
    return [name for name in given if name in settings.model_fields_set and name not in used]


def filled(template: Template, words: Words) -> str | None:
    """The template, or the first of several whose options are all given; `{model}` stays as it is."""
    chosen = _chosen(template, words)
    return None if chosen is None else _PLACE.sub(lambda found: words.get(found[1], found[0]), chosen)


def _chosen(template: Template, words: Words) -> str | None:
    every = (template,) if isinstance(template, str) else template
    return next((one for one in every if all(name in words for name in _names(one) if name != "model")), None)


def _names(template: str) -> list[str]:
    return _PLACE.findall(template)


def _derived(derived: Derived, words: Words) -> str | None:
    given = words.get(derived.option)
    if given is None:
        return None
    found = next((word for pattern, word in derived.words.items() if fnmatchcase(given, pattern)), None)
    return None if found is None else filled(found, words)

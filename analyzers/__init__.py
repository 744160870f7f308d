"""All the thinking: from an opened subject to findings and charts, without any page.

core        the vocabulary: Subject, Analyzer, Result, Finding, Chart, Job
toolkit     pure pieces that analyzers share: intervals, sampling, groups, plots
loaders     untrusted bytes to a model or a table; imported by the worker only
jobs        running work: codec, store, sandbox, worker, runner, live
policies    packs of limits, each with source, status and date
report      results to one self-contained file
catalog     the one ordered list of analyzers
cli         list, audit, report
Every other name here is one risk: performance, explanation, fairness, adversarial, privacy.
"""

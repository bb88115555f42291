"""What machines say, in the reader's language. Machines and the control plane speak English, with values in it; their
sentences are known here as templates, and a sentence that fits one is said again in the reader's words.

In a template a hole called `n` or `n2` takes figures, any other takes anything. What fits nothing stays English.
"""

from __future__ import annotations

import re
from functools import cache

from bot import amounts
from bot.language import ENGLISH, N_, spoken, tr

_FIGURES = r"[\d,.]*\d"
_COUNTS = {"n", "n2"}
_SHARES = {"after", "before", "share"}
#: Holes whose content is the machine's words, not a name that somebody gave.
_PHRASES = {"besides", "classes", "files", "how", "kind", "model", "rows", "step", "tests"}

#: The catalogue's kinds of models that are not called by a name of their own.
MODELS = (
    N_("Automatic"),
    N_("Baseline"),
    N_("Linear regression"),
    N_("Ridge regression"),
    N_("Elastic net"),
    N_("Polynomial regression"),
    N_("Logistic regression"),
    N_("Decision tree"),
    N_("Random forest"),
    N_("Extra trees"),
    N_("Gradient boosting"),
    N_("Histogram gradient boosting"),
    N_("K nearest neighbours"),
    N_("Support vector machine"),
    N_("Multi-layer perceptron"),
    N_("Neural network (Keras)"),
    N_("ensemble"),
    N_("{model} tuned {n}"),
)
GOOD_FOR = (
    N_("Compares what suits the table within the budget, tunes the best and combines them."),
    N_("To compare with: always the mean, or the shares that the classes have."),
    N_("Few rows or a nearly straight relation; easy to explain."),
    N_("Many columns that say much the same; steadier than plain linear regression."),
    N_("Many columns of which few matter: it leaves the others out."),
    N_("Many columns, some of them in groups that say the same."),
    N_("A few numbers that act together or along a curve."),
    N_("Few rows or a nearly straight border between the classes; easy to explain."),
    N_("Rules that can be read; less exact than many trees together."),
    N_("Small and noisy tables; hard to get wrong."),
    N_("Small and noisy tables; quicker and smoother than a random forest."),
    N_("Small tables; slow on large ones, where histogram gradient boosting does the same."),
    N_("Most tables: fast, takes missing values and categories as they are."),
    N_("Large tables: quick, takes missing values and categories as they are."),
    N_("Most tables, small and large; takes missing values and categories as they are."),
    N_("Tables with many categories; very good as it is, slower than the others."),
    N_("Few columns, where similar rows have similar answers; predicting is slow."),
    N_("Up to some thousand rows with a smooth border between the classes."),
    N_("Very quick; columns that each say something of their own."),
    N_("Some thousand rows and more with smooth patterns; needs no TensorFlow."),
    N_("Many rows with smooth patterns; slower."),
)
STEPS = (
    N_("reading"),
    N_("first reading"),
    N_("looking at every column"),
    N_("drawing"),
    N_("loading the model"),
    N_("loading TensorFlow"),
    N_("writing"),
    N_("judging"),
    N_("learning"),
    N_("training"),
    N_("timing a trial"),
    N_("looking for the strength"),
    N_("weighing the columns"),
    N_("saving"),
    N_("comparing"),
    N_("tuning"),
    N_("fitting the result"),
    N_("predicting"),
    N_("finishing"),
    N_("reading the test table"),
    N_("reading into bins"),
    N_("writing rows to the disk"),
    N_("beginning again with a smaller sample"),
    N_("counting the groups of {n} rows"),
    N_("{step}: {n} rows"),
    N_("fold {n} of {n2}"),
    N_("fold {n} of {n2}: {step}"),
    N_("tree {n} of {n2}"),
    N_("tree {n} of at most {n2}"),
    N_("epoch {n} of at most {n2}"),
    N_("pass {n}"),
    N_("pass {n} of {n2}"),
    N_("pass {n} of at most {n2}"),
)
FINDINGS = (
    N_("As good as unique, so of no use to a model: {columns}."),
    N_("One value or none, so of no use to a model: {columns}."),
    N_("Most values are missing in {columns}."),
    N_("{n} class has fewer than {n2} rows, too few to learn and to judge by: {classes}."),
    N_("{n} classes have fewer than {n2} rows, too few to learn and to judge by: {classes}."),
    N_(
        "The classes are far from equally common: {classes}. Accuracy looks good then even for a model that never "
        "answers the rare one; judge by balanced accuracy."
    ),
    N_("{rare} has {n} rows ({share}), {common} has {n2}"),
    N_(
        "{n} of {n2} rows ({share}) are copies of earlier ones{besides}. In a random split about {tests} would have "
        "been learned from, so the model would look better than it is. Remove the copies, or split by a group."
    ),
    N_(
        "{n} of {n2} rows that were looked at ({share}) are copies of earlier ones{besides}. In a random split about "
        "{tests} would have been learned from, so the model would look better than it is. Remove the copies, or split "
        "by a group."
    ),
    N_("Columns that say the same, equal or one to one: {columns}. One of each is enough."),
    N_(
        "The newest fifth of the rows by {date} differs from the oldest: {how}. A split by time, on {column}, shows "
        "how the model will do on what comes next."
    ),
    N_(
        "Possible leak: {column} alone predicts {target} far better than the other columns. If it is not known yet "
        "when you want to predict, exclude it."
    ),
    N_(
        "Possible leak: {column} alone predicts {target} almost perfectly. If it is not known yet when you want to "
        "predict, exclude it."
    ),
    N_(
        "Possible leak: {columns} alone predict {target} far better than the other columns. If they are not known yet "
        "when you want to predict, exclude them."
    ),
    N_(
        "Possible leak: {columns} alone predict {target} almost perfectly. If they are not known yet when you want to "
        "predict, exclude them."
    ),
    N_(
        "Taken as text, though most of their values are numbers: {columns}. Units, thousands separators or words among "
        "them are in the way; plain numbers and empty cells would tell more."
    ),
    N_("The table has {n} columns; the first {n2} are listed."),
    N_("In the {n} rows that were looked at, {column} has one value or none."),
    N_("Its name is that of a target and {kind}."),
    N_("Its name is that of something often predicted and {kind}."),
    N_("Its name is that of a target, it is the last column and {kind}."),
    N_("Its name is that of something often predicted, it is the last column and {kind}."),
    N_("It is the last column and {kind}."),
    N_("It has two classes."),
    N_("It has {n} classes."),
    N_("It is a number."),
    N_("it has two classes"),
    N_("it has {n} classes"),
    N_("it is a number"),
    N_("{target} moved ({label} from {before} to {after} of the rows)"),
    N_("the median of {target} moved from {before} to {after}"),
    N_("these columns moved, on a scale from 0 (the same) to 1 (nothing in common): {columns}"),
    N_("{n} test row"),
    N_("{n} test rows"),
    N_(", target included"),
)
WARNINGS = (
    N_("{n} of {n2} rows have no value in {column} and were left out."),
    N_("{column} has {n} different whole numbers; they were taken as classes. If they are amounts, choose regression."),
    N_("Column {column}: {n} value does not fit it, and counts as missing."),
    N_("Column {column}: {n} values do not fit it, and count as missing."),
    N_("The file is not in UTF-8; it was read as Windows-1252, which may garble accents."),
    N_("Some lines are not in UTF-8; they were read as Windows-1252."),
    N_("The line above the header was left out."),
    N_("The {n} lines above the header were left out."),
    N_("The first row was taken as the header, but it is all numbers."),
    N_("Numbers were read with the decimal mark {mark} and with marks between thousands."),
    N_("Numbers were read with the decimal mark {mark}."),
    N_("Some rows have fewer fields than the header; what they lack counts as missing."),
    N_("Columns that hold lists or records were left out: {columns}."),
    N_("The workbook has {n} sheets; {sheet} was read."),
    N_("The header was found in row {n} of the sheet; what is above was left out."),
    N_("Left out, since they have one value or none: {columns}."),
    N_("Left out, since they look like identifiers: {columns}."),
    N_("{column} is what is to be predicted, so it is not learned from."),
    N_("{n} held-out rows have a class that training never saw; they count as wrong."),
    N_("ROC AUC and PR AUC are of {n} held-out rows drawn at random."),
    N_("Prediction intervals need {n} held-out rows; there are {n2}."),
    N_("The training stopped before it settled; a larger max_iter may improve the model."),
    N_("Trees were stopped at {n} final groups, so that the model fits into memory."),
    N_("Learned from {n} of {n2} rows, chosen at random: more would take too long."),
    N_("The target is skewed, and was learned as its logarithm, which told other training rows better."),
    N_("auto compares by a cross-validation of its own, so no further folds were made."),
    N_("The table is streamed, so no folds were made."),
    N_("The cross-validation has {n} instead of {n2} folds: there are too few rows, groups or times."),
    N_("Not used by the model, and kept in the result: {columns}."),
    N_("Taken for the model's columns, though written differently: {columns}."),
    N_("The model was trained on this very file, so the score on it says little."),
    N_("The score is of {n} rows, drawn at random from {n2}."),
    N_("Not given, so it counts as missing: {columns}."),
    N_("Not given, so they count as missing: {columns}."),
    N_("The same is true of {n} more columns."),
    N_("The first {n} rows have reasons; more would take too long."),
    N_("No row has reasons: the model takes too long for them."),
    N_("The file was compressed; the result is not."),
    N_("In {share} of rows like those of training the true value lies between {low} and {high}."),
    N_(
        "Unlike the training rows (drift above {n}): {columns}. The model may do worse here than on its test rows; "
        "training it again on newer rows may help."
    ),
    N_("{share} of {column} is missing; in training it was {before}."),
    N_("{n} row ({share}) has a value in {column} outside the range that training saw{seen}."),
    N_("{n} rows ({share}) have a value in {column} outside the range that training saw{seen}."),
    N_("{n} row ({share}) has in {column} a category that training never saw: {which}."),
    N_("{n} rows ({share}) have in {column} a category that training never saw: {which}."),
    N_("{n} row ({share}) has in {column} a category that training never saw."),
    N_("{n} rows ({share}) have in {column} a category that training never saw."),
)
RARE = (
    N_("The numbers are too large for pictures."),
    N_("{n} texts were longer than a cell of a sheet can be, and were cut."),
    N_("{n} row has a value in {column} that training never saw; they count as wrong."),
    N_("{n} rows have a value in {column} that training never saw; they count as wrong."),
    N_("{value} in {column} was read as {plain}, as training saw such numbers."),
    N_("Columns of different types in different files were read as text: {columns}."),
    N_("Times in {columns} that are too far away count as the farthest that can be."),
    N_("The model was made with {name} {then}; here is {now}."),
    N_("Column {column} was a {kind} in training; {n} of {n2} values are not, and count as missing."),
    N_("{n} of {n2} folds were left out: their training rows have one class only."),
    N_(
        "All training rows have the same group or time, so the candidates were compared on rows taken at random from "
        "them."
    ),
    N_("It needed more memory than it may use."),
    N_("The machine ran out of memory, and it was stopped."),
    N_("Not finished on the sample."),
    N_("Not finished within the budget."),
    N_("Not better than one alone by more than chance."),
    N_("Given up after {n} of {n2} folds: behind."),
    N_("{file} is locked with a password."),
    N_("{file} is named like a workbook, but it holds something else, or is damaged."),
    N_("{file} is too large to be read as a workbook, or damaged; save the sheet as CSV or Parquet."),
    N_("The sheet {sheet} of {file} is empty."),
)
RESULTS = (
    N_("{model} was the best alone."),
    N_("Nothing was better than the baseline, so the columns seem to tell nothing about the target."),
    N_("{n} models combined were better than the best alone."),
    N_("{model} was chosen: nothing more complicated was better by more than chance."),
    N_("All candidates were compared on {n} rows first, and the best of them on all rows."),
    N_("The candidates were dealt out to the machines that have this table; the best of them took part here."),
    N_("The table is too large to compare models on it in memory."),
    N_("Read in batches; learned from all {n} training rows."),
    N_(
        "The table does not fit in memory: {model} learned from {n} of the {n2} training rows, chosen at random from "
        "all over the table."
    ),
    N_(
        "The table does not fit in memory: LightGBM learned from {rows}, read in batches into its binned form "
        "({n} bytes a row, {n2} MB)."
    ),
    N_("all {n} training rows"),
    N_("{n} of the {n2} training rows, chosen at random, as many as the memory holds"),
    N_("Nothing else was compared with it."),
    N_("It stopped before the last round, since the time was used up."),
    N_("Cross-validation of the training rows chose alpha = {n}."),
)
REFUSALS = (
    N_("There is no file {file}."),
    N_("There is no folder {folder}."),
    N_("Hayride has no permission to look into {folder}."),
    N_("Looking into the folder took longer than {n} seconds."),
    N_("{file} is empty: it has no bytes."),
    N_("{file} is a folder; name a file in it."),
    N_("{file} has a header and no rows below it."),
    N_("{file} holds nothing but blank space."),
    N_("{file} is outside the allowed folders: Hayride reads only files in {folders}."),
    N_("No file matches {pattern}."),
    N_("Hayride doesn't read {files}; it reads {formats}."),
    N_("files ending in {ending}"),
    N_("The file has no column {column}."),
    N_("Column {column} has no value in any row."),
    N_("Column {column} has the same value in every row, so there is nothing to learn."),
    N_("Column {column} has the same value in every training row, so there is nothing to learn."),
    N_("Only {n} rows have a value in {column}; at least {n2} are needed."),
    N_("Column {column} holds text, so it can be classified but not predicted as a number."),
    N_("Column {column} has {n} different values; at most {n2} classes can be learned."),
    N_(
        "Column {column} has {n} different values in {n2} rows, so hardly any class has two rows: there is nothing in "
        "common to learn."
    ),
    N_("The model needs the column {columns}, which the file does not have."),
    N_("The model needs the columns {columns}, which the file does not have."),
    N_("There is no model {name} in the catalogue."),
    N_("{model} has no parameter {name}; it has {parameters}."),
    N_("The parameter {name} of {model} can't be {given}: {why}."),
    N_("The job needed more memory than it may use."),
    N_("The disk is full."),
    N_("The machine's Ray node restarted while the job ran."),
    N_("The machine ran out of memory, and the job was stopped."),
    N_("The job's process ended unexpectedly."),
    N_("Reading the file took longer than {n} seconds."),
    N_("{machine} is away, and the file lies there."),
    N_("Start its node agent, or choose another place. A job may also wait for it."),
    N_("{machine} is away just now."),
    N_("The server has no folders of yours."),
    N_("Send me the file here."),
    N_("The test table could not be made."),
    N_("Train on a file of your own: /train."),
    N_("The machine does not answer now."),
    N_("Start its node agent, or wait for it."),
    N_("There is no such thing on that machine."),
    N_("Your pool is asleep."),
    N_("It starts when it is needed."),
    N_("Your pool is starting anew."),
    N_("Your pool is still starting."),
    N_("Try again in a few seconds."),
    N_("Your pool does not answer."),
    N_("It starts again when it is needed."),
    N_("Your pool did not answer within {n} s."),
    N_("Try again."),
    N_("You have no such machine."),
    N_("/worker lists yours."),
    N_("You have no such job."),
    N_("/jobs lists yours."),
    N_("You have {n} jobs waiting, which is the limit."),
    N_("Wait for one to start, or cancel one: /jobs."),
    N_("That file is gone."),
    N_("Send it again."),
    N_("That form is gone."),
    N_("Start it again."),
    N_("That machine was removed from your pool."),
    N_("Choose another one, or /connect it again."),
    N_("Joining is switched off on this server."),
    N_("Ask its operator to switch it on."),
    N_("Choose 1 to 40 printable letters, other than head."),
    N_("Choose another name."),
    N_("Choose another one, or press Resume in /worker."),
    N_("That is no name for a machine."),
    N_("Another machine of yours is called {name}."),
    N_("/models lists those that are there."),
    N_("/models lists yours."),
    N_("/templates lists yours."),
    N_("A good one looks like churn weekly."),
    N_("A good one looks like churn-spring."),
    N_("A good one looks like ~/hayride/new.csv."),
    N_("An admin cannot be shut out."),
    N_("Choose another name, or delete that one."),
    N_("Delete one: /templates."),
    N_("Only a training can be followed by a prediction."),
    N_("Only an admin may do that."),
    N_("Only an admin may let people in."),
    N_("Put it into an allowed folder of your machine and give its path."),
    N_("Put the file into an allowed folder of your machine and give its path."),
    N_("See /pools once more."),
    N_("Send the file again, or choose the place that has it."),
    N_("Start its node agent, then try again."),
    N_("Take the id out of `admins` in cluster.yaml."),
    N_("That is no path to predict."),
    N_("That join command is gone."),
    N_("That pool is in use: a machine is connected, or a job is open."),
    N_("The file did not reach your pool whole."),
    N_("There is no such person."),
    N_("There is no such pool."),
    N_("This server is unsealed, so it serves one person only."),
    N_("Too many requests wait for an answer just now."),
    N_("Try again tomorrow."),
    N_("Try again; if it stays so, tell the server's owner."),
    N_("Try later."),
    N_("What your pool held could not be deleted yet."),
    N_("You have no such model."),
    N_("You have no such template."),
    N_("Your pool gave an answer that makes no sense."),
    N_("A model's name has 1 to {n} characters."),
    N_("A template's name has 1 to {n} characters."),
    N_("I keep {n} files that you sent, which is the limit."),
    N_("With {name}, the files that you sent hold more than {n} MB, which is the limit."),
    N_("You have a template called {name}."),
    N_("You have {n} templates, which is the limit."),
    N_("{file} was sent to another place than the one that runs this job."),
)
SENTENCES = (*MODELS, *GOOD_FOR, *STEPS, *FINDINGS, *WARNINGS, *RARE, *RESULTS, *REFUSALS)


def heard(message: str) -> str:
    """The machine's words in the reader's language where they are known, else as they are."""
    return translated(message) or message


def translated(message: str) -> str | None:
    """The machine's words in the reader's language; None where there is nothing to put them into, or no way."""
    if spoken() == ENGLISH:
        return None
    whole = _sentence(message)
    if whole is not None:
        return whole
    parts = [_sentence(part) for part in re.split(r"(?<=\.) ", message)]
    known = [part for part in parts if part is not None]
    return " ".join(known) if len(known) == len(parts) else None


def _sentence(message: str) -> str | None:
    for sentence, pattern in _patterns():
        match = pattern.fullmatch(message)
        if match is not None:
            return tr(sentence, **{name: _value(name, value) for name, value in match.groupdict().items()})
    return None


def _value(name: str, value: str) -> str:
    if name in _COUNTS or (name in _SHARES and re.fullmatch(rf"{_FIGURES} %", value)):
        return amounts.figures(value)
    if name not in _PHRASES:
        return value
    return _sentence(value) or "; ".join(_sentence(part) or part for part in value.split("; "))


@cache
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """The longest first: where two fit, the one that says more itself."""
    ordered = sorted(SENTENCES, key=lambda it: -len(re.sub(r"\{\w+\}", "", it)))
    return tuple((it, re.compile(_pattern(it), re.DOTALL)) for it in ordered)


def _pattern(sentence: str) -> str:
    parts = re.split(r"\{(\w+)\}", sentence)
    holes = [f"(?P<{name}>{_FIGURES if name in _COUNTS else '.*?'})" for name in parts[1::2]]
    return "".join(re.escape(part) + hole for part, hole in zip(parts[::2], [*holes, ""], strict=True))

//! `taskgate schema`: the schema, what its fields need, and what that means to the documents of a client.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

use super::{
    documents::able,
    policy::{load, printable},
};
use crate::{
    config::SchemaArgs,
    graphql::{
        self, Client, ClientNeed, ClientOperation, CoverageError, Listed, ManifestError, Place, Problem,
        SourceFile,
    },
    policy::Holder,
};

/// Files of one client, and bytes of one file: the server takes no longer document.
const MAX_FILES: usize = 10_000;
const MAX_FILE_BYTES: u64 = 1024 * 1024;

pub(super) async fn run(options: SchemaArgs) -> anyhow::Result<ExitCode> {
    let text = if let Some(folder) = &options.documents {
        return documents(folder, &options).await;
    } else if options.permissions {
        graphql::manifest().map_err(holes)? + "\n"
    } else if options.typescript {
        graphql::typescript().map_err(holes)?
    } else {
        graphql::sdl()
    };
    io::stdout().write_all(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

fn holes(holes: Vec<CoverageError>) -> anyhow::Error {
    let told: Vec<String> = holes.iter().map(ToString::to_string).collect();
    anyhow::anyhow!("the schema is not completely protected: {}", told.join("; "))
}

async fn documents(path: &Path, options: &SchemaArgs) -> anyhow::Result<ExitCode> {
    let policy = load(options.file.as_deref())?;
    let client = if path.is_file() { listed(path).await? } else { below(path).await? };
    let rows: Vec<(&ClientOperation, Vec<Holder>)> =
        client.operations.iter().map(|operation| (operation, able(&policy, operation))).collect();
    let text = if options.json { as_json(&client, &rows) } else { as_text(&client, &rows) };
    io::stdout().write_all(printable(&text).as_bytes())?;
    let is_well = client.problems.is_empty() && rows.iter().all(|(_, able)| !able.is_empty());
    Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The documents of a folder, which share their fragments.
async fn below(folder: &Path) -> anyhow::Result<Client> {
    let (files, mut unreadable) = files(folder)?;
    let mut client = graphql::read_client(files).await.map_err(holes)?;
    unreadable.append(&mut client.problems);
    client.problems = unreadable;
    Ok(client)
}

/// The documents of a manifest, each of which stands alone.
async fn listed(file: &Path) -> anyhow::Result<Client> {
    let text = fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let (listed, problems) = match graphql::read_manifest(&text) {
        Ok(listed) => (listed, Vec::new()),
        Err(ManifestError::Unreadable(what)) => {
            bail!("{} is no manifest of documents: {what}", file.display())
        }
        Err(ManifestError::Entries { readable, problems }) => (readable, problems),
    };
    let files = listed.into_iter().map(|Listed { id, text, .. }| SourceFile { name: id, text });
    let mut client = graphql::read_documents(files.collect()).await.map_err(holes)?;
    let place = Place { file: file.display().to_string(), line: 1, column: 1 };
    client.problems.extend(problems.into_iter().map(|what| Problem { place: place.clone(), what }));
    Ok(client)
}

/// All documents below `folder`, in the order of their names, and those that cannot be read.
fn files(folder: &Path) -> anyhow::Result<(Vec<SourceFile>, Vec<Problem>)> {
    let mut paths = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries =
            fs::read_dir(&folder).with_context(|| format!("{} cannot be opened", folder.display()))?;
        for entry in entries {
            let entry = entry.with_context(|| format!("{} cannot be read", folder.display()))?;
            let (kind, path) = (entry.file_type()?, entry.path());
            if kind.is_dir() && !is_foreign(&path) {
                folders.push(path);
            } else if kind.is_file() && is_document(&path) {
                paths.push(path);
            }
        }
    }
    if paths.is_empty() {
        bail!("{} has no .graphql and no .gql files", folder.display());
    }
    if paths.len() > MAX_FILES {
        bail!("{} has more than {MAX_FILES} documents", folder.display());
    }
    paths.sort();
    let (mut files, mut problems) = (Vec::new(), Vec::new());
    for path in paths {
        let name = path.strip_prefix(folder).unwrap_or(&path).display().to_string();
        match read(&path) {
            Ok(text) => files.push(SourceFile { name, text }),
            Err(what) => problems.push(Problem { place: Place { file: name, line: 1, column: 1 }, what }),
        }
    }
    Ok((files, problems))
}

/// What was installed or belongs to tools.
fn is_foreign(folder: &Path) -> bool {
    let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.starts_with('.') || name == "node_modules"
}

fn is_document(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "graphql" || extension == "gql")
}

fn read(path: &PathBuf) -> Result<String, String> {
    let length = fs::metadata(path).map_err(|error| error.to_string())?.len();
    if length > MAX_FILE_BYTES {
        return Err(format!("{length} bytes are more than {MAX_FILE_BYTES}"));
    }
    fs::read_to_string(path).map_err(|error| error.to_string())
}

fn as_text(client: &Client, rows: &[(&ClientOperation, Vec<Holder>)]) -> String {
    let problems = client.problems.iter().map(|Problem { place, what }| format!("{place}: error: {what}\n"));
    let rows = rows.iter().map(|(operation, able)| {
        let needs: Vec<String> = operation.needs.iter().map(need).collect();
        let needs = if needs.is_empty() { "nothing".to_owned() } else { needs.join(", ") };
        let able: Vec<String> = able.iter().map(ToString::to_string).collect();
        let able = if able.is_empty() { "NO ROLE CAN RUN IT".to_owned() } else { able.join(", ") };
        format!("{}: {} needs {needs}; {able}\n", operation.place, name(operation))
    });
    problems.chain(rows).collect()
}

fn name(operation: &ClientOperation) -> &str {
    operation.name.as_deref().unwrap_or("(without a name)")
}

fn need(need: &ClientNeed) -> String {
    let perhaps = if need.is_certain { "" } else { " perhaps" };
    format!("{}:{}{perhaps}", need.resource, need.action)
}

fn as_json(client: &Client, rows: &[(&ClientOperation, Vec<Holder>)]) -> String {
    let place = |Place { file, line, column }: &Place| json!({"file": file, "line": line, "column": column});
    let operations = rows.iter().map(|(operation, able)| {
        let needs = operation.needs.iter().map(|need| {
            json!({
                "permission": format!("{}:{}", need.resource, need.action),
                "scope": if need.on_object { "OBJECT" } else { "TENANT" },
                "certain": need.is_certain,
            })
        });
        let able =
            able.iter().map(|Holder { role, only_own }| json!({"role": role, "onlyOwnObjects": only_own}));
        json!({
            "name": operation.name,
            "place": place(&operation.place),
            "needs": needs.collect::<Vec<_>>(),
            "able": able.collect::<Vec<_>>(),
        })
    });
    let problems =
        client.problems.iter().map(|problem| json!({"place": place(&problem.place), "what": problem.what}));
    let (operations, problems): (Vec<Value>, Vec<Value>) = (operations.collect(), problems.collect());
    format!("{:#}\n", json!({"operations": operations, "problems": problems}))
}

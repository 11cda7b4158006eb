//! The command line.

mod serve;

use std::error::Error;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use hookline::clock::Clock;
use hookline::config::{Keys, Settings};
use hookline::entropy::Entropy;
use hookline::identity::{Principal, Role, Tokens};
use hookline::plugin::compile_child;
use hookline::store::Store;
use tokio::runtime::Builder;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Failure = Box<dyn Error + Send + Sync>;

#[derive(Parser)]
#[command(name = "hookline", version, about = "An order platform whose business lines are WebAssembly components")]
struct Cli {
    /// The settings file; without it `hookline.toml` of the working directory is read, if there is one.
    #[arg(long, global = true)]
    settings: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Run the platform. The default.
    Serve,
    /// Bring the database's schema up to date and go.
    Migrate,
    /// Print a bearer token.
    Token(TokenArgs),
    /// Print the OpenAPI document.
    Openapi,
    /// Compile one component from standard input to standard output, under hard limits. Run by the host itself.
    #[command(hide = true)]
    Compile,
}

#[derive(clap::Args)]
struct TokenArgs {
    /// What the bearer is: buyer, shop, business, operator or admin.
    #[arg(long)]
    role: Role,
    /// Who it is: the buyer id for a buyer.
    #[arg(long)]
    subject: String,
    /// The shops of a shop, separated by commas.
    #[arg(long, value_delimiter = ',')]
    shops: Vec<String>,
    /// The line of a business.
    #[arg(long)]
    business: Option<String>,
    /// How long it is good, seconds.
    #[arg(long, default_value_t = 3_600)]
    ttl_s: u32,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let settings = cli.settings.as_deref();
    let done = match cli.command.unwrap_or(Command::Serve) {
        Command::Serve => serve(settings),
        Command::Migrate => migrate(settings),
        Command::Token(args) => token(settings, args),
        Command::Openapi => openapi(),
        Command::Compile => return compile(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", chain(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

fn serve(file: Option<&Path>) -> Result<(), Failure> {
    let settings = Settings::load(file)?;
    let runtime = Builder::new_multi_thread().enable_all().build()?;
    let served = runtime.block_on(serve::serve(settings));
    // Whatever still runs was given its time.
    runtime.shutdown_background();
    served
}

fn migrate(file: Option<&Path>) -> Result<(), Failure> {
    let settings = serve::store_settings(&Settings::load(file)?)?;
    Ok(Builder::new_current_thread().enable_all().build()?.block_on(Store::migrate(&settings))?)
}

fn token(file: Option<&Path>, args: TokenArgs) -> Result<(), Failure> {
    let settings = Settings::load(file)?;
    let keys = Keys::load(&settings, &Entropy::system())?;
    let principal =
        Principal { subject: args.subject, role: args.role, shops: args.shops, business: args.business }.checked()?;
    let tokens = Tokens::new(&keys.token, settings.token);
    println!("{}", tokens.issue(principal, Clock::system().now(), args.ttl_s)?);
    Ok(())
}

fn openapi() -> Result<(), Failure> {
    Ok(writeln!(io::stdout(), "{}", hookline::http::document_text()?)?)
}

fn compile() -> ExitCode {
    match compile_child::run(io::stdin().lock(), io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(1))
        }
    }
}

/// An error and its causes in one line.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words = format!("{words}: {error}");
        cause = error.source();
    }
    words
}

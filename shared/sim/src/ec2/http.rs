//! The fake EC2 behind the Query protocol of the real one, so that an AWS client can talk to it.
//!
//! | a fault of the fake | over HTTP |
//! |---|---|
//! | [`Ec2::refuse_next`] | the code; 503 for throttling, 500 for EC2's own trouble, 403 for a lack of rights, else 400 |
//! | [`Outcome::HangAfterAccepting`](crate::channels::Outcome::HangAfterAccepting) | no answer |
//!
//! Which Region is meant says the signature, which is not checked otherwise. A parameter that is not known here is refused.

use std::{future::pending, io};

use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    HeaderMap, Request, Response,
    body::{Bytes, Incoming},
    header::{AUTHORIZATION, CONTENT_TYPE},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use watchkeeper_domain::ports::{SnapshotCopy, VolumeOrder, VolumeOrigin};

use super::{
    Ec2, Operation, REGION, document,
    query::Query,
    refusal::Refusal,
    xml::{self, Element, elements, list, text},
};

/// The most that is taken of a request, in bytes.
const LIMIT: usize = 1024 * 1024;
/// How much a page has: so little that whoever reads one page only is seen.
const PAGE: usize = 2;
/// What `MaxResults` may be.
const MOST: std::ops::RangeInclusive<usize> = 5..=1000;

/// The server. It ends with the runtime that it was started on.
#[derive(Clone, Debug)]
pub struct Server {
    /// Its address, without a slash at the end: the `endpoint_url` of a client, for every Region.
    pub endpoint: String,
}

type Answer = Result<Vec<Element>, Refusal>;

impl Server {
    /// Serves `ec2` on a free port.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn start(ec2: Ec2) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let ec2 = ec2.clone();
                let service = service_fn(move |request| respond(ec2.clone(), request));
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(connection), service));
            }
        });
        Ok(Self { endpoint })
    }
}

async fn respond(ec2: Ec2, request: Request<Incoming>) -> io::Result<Response<Full<Bytes>>> {
    let (head, body) = request.into_parts();
    let body = Limited::new(body, LIMIT).collect().await.map_err(io::Error::other)?.to_bytes();
    let mut query = Query::parse(&body);
    let action = query.take("Action").unwrap_or_default();
    query.take("Version");
    let (status, document) = match answer(&ec2, &region(&head.headers), &action, query).await {
        Ok(elements) => (200, xml::document(&format!("{action}Response"), &elements)),
        Err(Refusal::Answer { status, code, message }) => {
            let error = elements("Error", vec![text("Code", code), text("Message", message)]);
            (status, xml::document("Response", &[elements("Errors", vec![error])]))
        }
        Err(Refusal::Silence) => pending().await,
    };
    let response = Response::builder().status(status).header(CONTENT_TYPE, "text/xml;charset=UTF-8");
    response.body(document.into()).map_err(io::Error::other)
}

async fn answer(ec2: &Ec2, region: &str, action: &str, query: Query) -> Answer {
    match action {
        "DescribeSnapshots" => describe_snapshots(ec2, region, query).await,
        "CopySnapshot" => copy_snapshot(ec2, region, query).await,
        "DeleteSnapshot" => delete_snapshot(ec2, region, query).await,
        _ if region != REGION => Err(Refusal::unsupported(format!("there are volumes in {REGION} only"))),
        "DescribeVolumes" => describe_volumes(ec2, query).await,
        "DescribeVolumeStatus" => describe_volume_status(ec2, query).await,
        "CreateVolume" => create_volume(ec2, query).await,
        "CopyVolumes" => copy_volumes(ec2, query).await,
        "DeleteVolume" => delete_volume(ec2, query).await,
        _ => Err(Refusal::new("InvalidAction", format!("The action {action} is not valid here"))),
    }
}

/// Only those of the account itself: there are others in AWS.
async fn describe_snapshots(ec2: &Ec2, region: &str, mut query: Query) -> Answer {
    if query.list("Owner") != ["self"] {
        return Err(Refusal::unsupported("snapshots of others"));
    }
    let ids = query.list("SnapshotId");
    let (filter, page) = (query.tag_filter()?, Page::of(&mut query, !ids.is_empty())?);
    query.end()?;
    let found = ec2.call(Operation::DescribeSnapshots, |state, _| match ids.as_slice() {
        [] => Ok(state.snapshots(region)),
        ids => ids.iter().map(|id| state.snapshot(region, id)).collect(),
    });
    let mut found = found.await?;
    found.retain(|it| filter.as_ref().is_none_or(|(key, value)| has_tag(it.tags.get(key), value)));
    Ok(page.of_list("snapshotSet", found.iter().map(document::snapshot).collect()))
}

async fn copy_snapshot(ec2: &Ec2, region: &str, mut query: Query) -> Answer {
    let copy = SnapshotCopy {
        snapshot: query.required("SourceSnapshotId")?,
        from: query.required("SourceRegion")?,
        to: region.to_owned(),
        description: query.take("Description").unwrap_or_default(),
        tags: query.tags("snapshot")?,
    };
    query.end()?;
    let id = ec2.call(Operation::CopySnapshot, |state, _| state.copy_snapshot(&copy)).await?;
    Ok(vec![text("snapshotId", id)])
}

async fn delete_snapshot(ec2: &Ec2, region: &str, mut query: Query) -> Answer {
    let id = query.required("SnapshotId")?;
    query.end()?;
    ec2.call(Operation::DeleteSnapshot, |state, _| state.delete_snapshot(region, &id)).await?;
    Ok(vec![text("return", true)])
}

async fn describe_volumes(ec2: &Ec2, mut query: Query) -> Answer {
    let ids = query.list("VolumeId");
    let (filter, page) = (query.tag_filter()?, Page::of(&mut query, !ids.is_empty())?);
    query.end()?;
    let found = ec2.call(Operation::DescribeVolumes, |state, now| {
        let mut found: Vec<_> = match ids.as_slice() {
            [] => state.visible(now).collect(),
            ids => ids.iter().map(|id| state.volume(id, now)).collect::<Result<_, _>>()?,
        };
        found.retain(|it| filter.as_ref().is_none_or(|(key, value)| has_tag(it.tags.get(key), value)));
        Ok(found.into_iter().map(|volume| document::volume(volume, now)).collect())
    });
    Ok(page.of_list("volumeSet", found.await?))
}

async fn describe_volume_status(ec2: &Ec2, mut query: Query) -> Answer {
    let ids = query.list("VolumeId");
    query.end()?;
    let found = ec2.call(Operation::DescribeVolumeStatus, |state, now| {
        let found = ids.iter().map(|id| Ok(document::status(state.volume(id, now)?, now)));
        found.collect::<Result<Vec<_>, _>>()
    });
    Ok(vec![list("volumeStatusSet", found.await?)])
}

async fn create_volume(ec2: &Ec2, mut query: Query) -> Answer {
    let origin = VolumeOrigin::Snapshot {
        id: query.required("SnapshotId")?,
        initialization_mib: query.number("VolumeInitializationRate")?,
    };
    let zone = query.required("AvailabilityZoneId")?;
    let order = order(query, origin, zone)?;
    let made = ec2.call(Operation::CreateVolume, |state, now| {
        let id = state.make(&order, now)?;
        Ok(document::volume(state.volume(&id, now)?, now))
    });
    made.await
}

async fn copy_volumes(ec2: &Ec2, mut query: Query) -> Answer {
    let origin = VolumeOrigin::Volume { id: query.required("SourceVolumeId")? };
    let order = order(query, origin, String::new())?;
    let made = ec2.call(Operation::CopyVolumes, |state, now| {
        let id = state.make(&order, now)?;
        Ok(document::volume(state.volume(&id, now)?, now))
    });
    Ok(vec![list("volumeSet", [made.await?])])
}

async fn delete_volume(ec2: &Ec2, mut query: Query) -> Answer {
    let id = query.required("VolumeId")?;
    query.end()?;
    ec2.call(Operation::DeleteVolume, |state, now| state.delete_volume(&id, now)).await?;
    Ok(vec![text("return", true)])
}

/// The order that the rest of `query` makes of `origin`. A type has to be named, for AWS would take gp2.
fn order(mut query: Query, origin: VolumeOrigin, zone: String) -> Result<VolumeOrder, Refusal> {
    if query.required("VolumeType")? != "gp3" {
        return Err(Refusal::unsupported("another type than gp3"));
    }
    let size_gib = query.number("Size")?;
    let order = VolumeOrder {
        origin,
        zone,
        size_gib: size_gib.ok_or_else(|| Refusal::new("MissingParameter", "Size is missing"))?,
        token: query.required("ClientToken")?,
        tags: query.tags("volume")?,
    };
    query.end()?;
    Ok(order)
}

fn has_tag(value: Option<&String>, pattern: &wildmatch::WildMatch) -> bool {
    value.is_some_and(|value| pattern.matches(value))
}

/// The Region in `Credential=<key>/<date>/<region>/ec2/aws4_request`.
fn region(headers: &HeaderMap) -> String {
    let signature = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let scope = signature.split_once("Credential=").map_or("", |(_, scope)| scope);
    scope.split('/').nth(2).unwrap_or_default().to_owned()
}

/// Which part of a list is wanted.
struct Page {
    from: usize,
    most: usize,
}

impl Page {
    fn of(query: &mut Query, has_ids: bool) -> Result<Self, Refusal> {
        let most = query.number("MaxResults")?;
        if has_ids && most.is_some() {
            return Err(Refusal::new("InvalidParameterCombination", "MaxResults does not go with ids"));
        }
        if most.is_some_and(|most| !MOST.contains(&most)) {
            return Err(Refusal::parameter("MaxResults has to be 5 to 1000"));
        }
        let most = if has_ids { usize::MAX } else { PAGE };
        Ok(Self { from: query.number("NextToken")?.unwrap_or_default(), most })
    }

    /// The page of `all`, under the name `name`.
    fn of_list(&self, name: &'static str, all: Vec<Vec<Element>>) -> Vec<Element> {
        let end = self.from.saturating_add(self.most);
        let next = (end < all.len()).then(|| text("nextToken", end));
        let page = all.into_iter().skip(self.from).take(self.most);
        [Some(list(name, page)), next].into_iter().flatten().collect()
    }
}
